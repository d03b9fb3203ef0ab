import assert from "node:assert/strict";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parse } from "yaml";
import { guardedRules } from "../../src/cli/doctor/policy-findings.ts";
import { guardedRule } from "../../src/domain/guard.ts";
import { mustRun, run } from "./support/processes.ts";

/** Rules by name, as Cinder's own policy engine prints their checks. */
type Rules = Readonly<Record<string, string>>;

const etc = join(import.meta.dirname, "..", "..", "etc");
const shipped = (name: string): string => join(etc, "cinder", "policy.d", name);
const python = "/usr/bin/python3";

const rulesOf = async (...files: readonly string[]): Promise<Rules> =>
  JSON.parse(await mustRun(python, [join(import.meta.dirname, "support", "policy_rules.py"), ...files])) as Rules;

const read = async (file: string): Promise<Rules> => parse(await readFile(file, "utf8")) as Rules;

describe("the policy files we ship, in the installed Cinder's own policy engine", () => {
  let defaults: Rules;
  let scratch: string;

  before(async () => {
    defaults = await rulesOf();
    scratch = await mkdtemp(join(tmpdir(), "dirigent-policy-files-"));
  });

  after(async () => rm(scratch, { recursive: true }));

  const aliases = ["dirigent_backup", "dirigent_snapshot", "dirigent_volume", "dirigent_member", "dirigent_admin"];

  it("Zed: each rule is Cinder's default and the hook, and no other rule changes", async () => {
    const rules = await rulesOf(shipped("dirigent-zed.yaml"));
    const changed = Object.keys(rules).filter((name) => rules[name] !== defaults[name]);
    assert.deepEqual(changed.sort(), [...aliases, ...guardedRules].sort());
    for (const name of guardedRules) {
      const kind = name.includes("backup") ? "backup" : "snapshot";
      const whose = /^\(rule:(dirigent_\w+) and rule:dirigent_\w+\)$/.exec(rules[name] ?? "")?.[1] ?? "";
      assert.equal(rules[name], `(rule:${whose} and rule:dirigent_${kind})`, name);
      assert.equal(rules[whose], defaults[name], `${name}: ${whose} is not Cinder's default`);
      assert.equal(rules[`dirigent_${kind}`], `http://127.0.0.1:8808/v1/${kind}`);
    }
  });

  it("2024.1: the same rules, with the defaults that need no deprecated rule", async () => {
    const zed = await read(shipped("dirigent-zed.yaml"));
    const later = await read(shipped("dirigent-2024.1.yaml"));
    assert.deepEqual(later, { ...zed, dirigent_member: "rule:xena_system_admin_or_project_member" });
  });

  it("volume:delete is in a file of its own, which goes beside the other", async () => {
    const directory = await mkdtemp(join(scratch, "d-"));
    for (const name of ["dirigent-zed.yaml", "dirigent-volume-delete.yaml"]) {
      await copyFile(shipped(name), join(directory, name));
    }
    const empty = join(scratch, "policy.yaml");
    await writeFile(empty, "{}\n");
    const rules = await rulesOf(empty, directory);
    assert.equal(rules["volume:delete"], "(rule:dirigent_member and rule:dirigent_volume)");
    assert.equal(rules["dirigent_member"], defaults["volume:delete"]);
    assert.deepEqual(Object.keys(await read(shipped("dirigent-volume-delete.yaml"))), ["volume:delete"]);
  });

  it("names no rule that the hook does not know", () => {
    for (const name of [...guardedRules, "volume:delete"]) {
      // A rule that the hook does not know is a deletion of whatever kind the address says: with two kinds it shows.
      assert.deepEqual(guardedRule(name, "backup"), guardedRule(name, "volume"), name);
    }
  });

  it("oslopolicy-validator finds nothing but the five names of ours", async () => {
    const config = join(scratch, "cinder.conf");
    await writeFile(config, `[oslo_policy]\npolicy_file = ${shipped("dirigent-zed.yaml")}\n`);
    const { stdout } = await run("/usr/bin/oslopolicy-validator", ["--namespace", "cinder", "--config-file", config]);
    const said = stdout.trim().split("\n").sort();
    assert.deepEqual(said, aliases.map((name) => `Unknown rule found in policy file: ${name}`).sort());
  });

  it("Horizon's copy asks nobody over the network, and names rules of Cinder's", async () => {
    const rules = await read(join(etc, "horizon", "cinder_policy.d", "dirigent.yaml"));
    assert.deepEqual(rules, {
      "backup:delete": "rule:admin_api",
      "volume:delete_snapshot": "rule:admin_api",
      "volume:update_snapshot": "rule:admin_api",
    });
    for (const name of Object.keys(rules)) assert.ok(Object.hasOwn(defaults, name), name);
  });
});
