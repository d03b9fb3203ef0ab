import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import type { HookAnswers } from "./ask-hook.ts";
import type { CinderPolicy } from "./cinder-policy.ts";
import { policyFindings, type PolicyExamination } from "./policy-findings.ts";
import type { PolicyTrial, Tried } from "./policy-trial.ts";

const shippedFile = join(import.meta.dirname, "..", "..", "..", "etc", "cinder", "policy.d", "dirigent-zed.yaml");
const shipped = parse(readFileSync(shippedFile, "utf8")) as Record<string, string>;

const policyWith = (rules: Readonly<Record<string, string>>, more: Partial<CinderPolicy> = {}): CinderPolicy => ({
  paths: ["/etc/cinder/policy.d/dirigent-zed.yaml"],
  rules: new Map(Object.entries(rules)),
  verifiesServer: false,
  caFile: null,
  clientCertificateFile: null,
  clientKeyFile: null,
  ...more,
});
const guardedVolumes = { ...shipped, "volume:delete": "rule:dirigent_member and rule:dirigent_volume" };
const at = (origin: string) =>
  Object.fromEntries(
    Object.entries(guardedVolumes).map(([name, rule]) => [name, rule.replace("http://127.0.0.1:8808", origin)]),
  );

const nothing: PolicyExamination = { trial: null, adminTried: false, policy: null, hook: [] };
const worries = (seen: Partial<PolicyExamination>): readonly string[] =>
  policyFindings({ ...nothing, ...seen })
    .filter(({ level }) => level !== "ok")
    .map(({ level, id }) => `${level} ${id}`);

describe("what doctor policy makes of Cinder's files", () => {
  it("has nothing to say against the shipped ones", () => {
    assert.deepEqual(worries({ policy: policyWith(guardedVolumes) }), []);
    assert.deepEqual(worries({ policy: policyWith(shipped) }), ["warning rules.volume-delete"]);
  });

  it("names rules that do not ask the hook, that ask nothing else, and that cannot be told", () => {
    const missing = Object.fromEntries(Object.entries(guardedVolumes).filter(([name]) => name !== "backup:update"));
    assert.deepEqual(worries({ policy: policyWith(missing) }), ["failed rules.guarded"]);
    const bare = { ...guardedVolumes, "backup:delete": "rule:dirigent_backup" };
    assert.deepEqual(worries({ policy: policyWith(bare) }), ["failed rules.default"]);
    const unreadable = { ...guardedVolumes, "backup:delete": "(rule:dirigent_backup" };
    assert.deepEqual(worries({ policy: policyWith(unreadable) }), ["warning rules.unreadable"]);
  });

  it("fails for a hook on another host that Cinder does not verify", () => {
    const three = (finding: string): string[] => Array<string>(3).fill(finding);
    const plain = policyWith(at("http://hook.example.org:8808"), { verifiesServer: true });
    assert.deepEqual(worries({ policy: plain }), three("failed hook.address"));
    const tls = at("https://hook.example.org:8808");
    assert.deepEqual(worries({ policy: policyWith(tls) }), three("failed hook.address"));
    assert.deepEqual(worries({ policy: policyWith(tls, { verifiesServer: true }) }), []);
  });

  it("warns of an id in the address, and of a certificate of which nothing is known", () => {
    const answers = { problem: null, automated: false, own: true, conductor: true };
    const hook: HookAnswers[] = [{ url: "https://hook.example.org/v1/backup?backup_id=%(id)s", ...answers }];
    assert.deepEqual(worries({ hook }), ["warning hook.address", "warning hook.id"]);
    assert.deepEqual(worries({ hook: [{ ...hook[0]!, url: "http://" }] }), ["failed hook.address"]);
  });

  it("mentions NO_PROXY wherever an address is right", () => {
    const found = policyFindings({ ...nothing, policy: policyWith(guardedVolumes) });
    const addresses = found.filter(({ id }) => id === "hook.address");
    assert.equal(addresses.length, 3);
    for (const { message } of addresses) assert.match(message, /127\.0\.0\.1 in NO_PROXY/);
  });
});

describe("what doctor policy makes of the hook's answers", () => {
  const asked = (answers: Partial<HookAnswers>): readonly string[] =>
    worries({
      hook: [
        {
          url: "http://127.0.0.1:8808/v1/backup",
          problem: null,
          automated: false,
          own: true,
          conductor: true,
          ...answers,
        },
      ],
    });

  it("fails for each that is wrong", () => {
    assert.deepEqual(asked({}), []);
    assert.deepEqual(asked({ conductor: null }), []);
    for (const wrong of [{ problem: "refused" }, { automated: true }, { own: false }, { conductor: false }]) {
      assert.deepEqual(asked(wrong), ["failed hook.answers"], JSON.stringify(wrong));
    }
  });
});

describe("what doctor policy makes of a trial", () => {
  const refused = { status: 403, accepted: false, message: "Policy doesn't allow backup:delete to be performed." };
  const accepted = { status: 202, accepted: true, message: null };
  const fault = { status: 500, accepted: false, message: "no message" };
  const tried = (who: Tried["who"], on: Tried["on"], answer: Tried["answer"]): readonly string[] =>
    worries({ adminTried: true, trial: { ...quiet, tried: [{ who, on, rule: "backup:delete", answer }] } });
  const quiet: PolicyTrial = { projectId: "p", tried: [], changed: [], problem: null, left: [] };

  it("tells what should work from what should not", () => {
    assert.deepEqual(tried("member", "automated", refused), []);
    assert.deepEqual(tried("member", "automated", accepted), ["failed try.member.automated.backup:delete"]);
    assert.deepEqual(tried("member", "own", accepted), []);
    assert.deepEqual(tried("member", "own", refused), ["failed try.member.own.backup:delete"]);
    assert.deepEqual(tried("writer", "automated", accepted), []);
    assert.deepEqual(tried("writer", "automated", refused), ["failed try.writer.automated.backup:delete"]);
    assert.deepEqual(tried("admin", "automated", refused), []);
    assert.deepEqual(tried("admin", "automated", accepted), ["warning try.admin.automated.backup:delete"]);
    for (const who of ["member", "admin", "writer"] as const) {
      assert.deepEqual(tried(who, "automated", fault), [`failed try.${who}.automated.backup:delete`]);
    }
  });

  it("tells what was not tried, what was changed all the same, and what is left", () => {
    assert.deepEqual(worries({ trial: quiet }), ["warning try.admin"]);
    const bad: PolicyTrial = { ...quiet, changed: ["backup"], problem: "no quota", left: ["volume v1"] };
    const want = ["failed try.unchanged", "failed try.complete", "failed try.left"];
    assert.deepEqual(worries({ adminTried: true, trial: bad }), want);
  });

  it("says how to mend whatever is not right", () => {
    const bad: PolicyTrial = { ...quiet, changed: ["backup"], problem: "no quota", left: ["volume v1"] };
    for (const { level, fix } of policyFindings({ ...nothing, trial: bad, policy: policyWith(shipped) })) {
      assert.equal(level === "ok", fix === null);
    }
  });
});
