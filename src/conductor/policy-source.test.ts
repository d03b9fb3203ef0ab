import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../config/errors.ts";
import type { PolicyFiles } from "../config/policies/read-book.ts";
import type { Operation } from "../domain/catalogue.ts";
import { defaultPolicy, type Policy } from "../domain/policy.ts";
import type { Conductor } from "./context.ts";
import { lookAtPolicies, openPolicySource, type PolicySource } from "./policy-source.ts";

const gold = "policies: {gold: {schedule: {daily: '02:00'}, retention: {age: 30d}}}\n";
const broken = "policies: {gold: {}}\n";
const brokenProblems = [
  "/p.yaml:1:12: policies.gold.schedule is missing; allowed: one of express, every, daily, weekly, monthly, yearly, cron, interval",
];

/** A source whose file and built-in policy a test may change. */
class Desk {
  text: string | null;
  builtIn: Policy = defaultPolicy;
  readonly source: PolicySource;

  constructor(text: string | null) {
    this.text = text;
    this.source = openPolicySource({
      files: () => this.#files(),
      defaults: () => ({ timeZone: "UTC", container: null, builtIn: this.builtIn }),
    });
  }

  #files(): PolicyFiles {
    if (this.text === null) throw new ConfigError(["/p.yaml: no such file; policies.file names it"]);
    return { policies: { path: "/p.yaml", text: this.text }, rules: null };
  }

  names(): readonly string[] {
    return [...this.source.book().policies.keys()].filter((name) => !/^(daily_5|monthly_.*)$/.test(name));
  }
}

const configError = { name: "ConfigError", problems: brokenProblems };

describe("openPolicySource", () => {
  it("will not begin with files that are wrong or missing", () => {
    assert.throws(() => new Desk(broken), configError);
    assert.throws(() => new Desk(null), { name: "ConfigError" });
  });

  it("keeps the same book while the files stay as they are", () => {
    const desk = new Desk(gold);
    const before = desk.source.book();
    desk.text = gold;
    assert.deepEqual(desk.source.look(), { book: before, problems: [], changed: false });
    assert.equal(desk.source.book(), before);
  });

  it("goes by the last good files while they are wrong or away, and by the new ones when they are good again", () => {
    const desk = new Desk(gold);
    const before = desk.source.book();
    desk.text = broken;
    assert.deepEqual(desk.source.look(), { book: before, problems: brokenProblems, changed: true });
    assert.deepEqual(desk.source.look(), { book: before, problems: brokenProblems, changed: false });
    desk.text = null;
    const missing = desk.source.look();
    assert.deepEqual([missing.book, missing.problems.length, missing.changed], [before, 1, true]);
    assert.equal(desk.source.look().changed, false);
    desk.text = gold.replaceAll("gold", "silver");
    const { book, problems, changed } = desk.source.look();
    assert.deepEqual([problems, changed, desk.names()], [[], true, ["default", "silver"]]);
    assert.notEqual(book.version, before.version);
    desk.text = gold;
    desk.source.look();
    assert.equal(desk.source.book().version, before.version);
  });

  it("takes a new configuration in with files that are good, that are not, and that do not suit it", () => {
    const desk = new Desk(gold);
    desk.builtIn = { ...defaultPolicy, name: "nightly" };
    assert.equal(desk.source.look().changed, false);
    assert.deepEqual(desk.names(), ["nightly", "gold"]);

    desk.text = broken;
    desk.builtIn = { ...defaultPolicy, name: "hourly" };
    assert.deepEqual(desk.source.look().problems, brokenProblems);
    assert.deepEqual(desk.names(), ["hourly", "gold"]);

    desk.text = gold;
    desk.builtIn = { ...defaultPolicy, name: "gold" };
    assert.equal(desk.source.look().problems.length, 1);
    assert.deepEqual(desk.names(), ["hourly", "gold"]);
  });
});

describe("lookAtPolicies", () => {
  it("tells of files that are not valid once in the trail, every time in the log and the metric", async () => {
    const desk = new Desk(gold);
    const rows: Operation[] = [];
    const logged: string[] = [];
    const valid: boolean[] = [];
    const log = (level: string) => (_: object, text: string) => void logged.push(`${level} ${text}`);
    const conductor = {
      policySource: desk.source,
      onPolicyFiles: (isValid: boolean) => void valid.push(isValid),
      log: { info: log("info"), error: log("error") },
      repository: { appendOperations: async (added: readonly Operation[]) => void rows.push(...added) },
      clock: { now: () => new Date("2026-01-01T00:00:00Z") },
      newId: () => `o${rows.length}`,
    } as unknown as Conductor;
    const { version } = desk.source.book();
    assert.equal(await lookAtPolicies(conductor, "r1"), version);
    desk.text = broken;
    assert.equal(await lookAtPolicies(conductor, "r2"), version);
    assert.equal(await lookAtPolicies(conductor, "r3"), version);
    desk.text = `${gold}# changed\n`;
    const changed = await lookAtPolicies(conductor, "r4");
    assert.deepEqual(
      rows.map(({ runId, kind, reason, message }) => [runId, kind, reason, message]),
      [
        ["r2", "notice", "policies_invalid", brokenProblems.join("\n")],
        ["r4", "notice", "policies_changed", `version ${changed ?? ""}`],
      ],
    );
    const wrong = "error the policy files are not valid; the last good ones stay in force";
    assert.deepEqual(logged, [wrong, wrong, "info the policy files were read again"]);
    assert.deepEqual(valid, [true, false, false, true]);
  });

  it("has nothing to do where there are no files", async () => {
    assert.equal(await lookAtPolicies({} as Conductor, "r1"), null);
  });
});
