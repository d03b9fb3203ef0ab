import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { eachWithFakeCloud, full, id, incremental } from "../../test/audit/harness.ts";
import { loadListing } from "./listing-file.ts";
import { runAudit } from "./run.ts";
import type { RunAuditOptions } from "./run.ts";

const harness = eachWithFakeCloud();
const rules = { userIds: ["conductor"] };
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "audit-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Each run a day after the one before. */
let day = 0;
function run(options: Partial<RunAuditOptions> = {}) {
  const at = new Date(Date.parse("2026-12-01T00:00:00Z") + 86_400_000 * day++);
  return runAudit({ cloud: harness.access(), rules, now: () => at, ...options });
}
const slot = "2026-11-21T04:00:00Z";
const marks = {
  __automated_backup: "True",
  "dirigent:key": `v1/daily/${slot}`,
  "dirigent:policy": "daily",
  "dirigent:slot": slot,
  "dirigent:server": "s1",
  "dirigent:set": "set",
  "dirigent:keep-until": "2026-11-22T04:00:00Z",
};
const ours = { ...full(1), metadata: marks };

describe("runAudit", () => {
  it("passes a cloud in order and saves what it saw", async () => {
    harness.cloud.backups = [ours];
    const saveFile = join(folder, "seen.json");
    const report = await run({ saveFile });
    assert.deepEqual(
      { passed: report.passed, findings: report.findings, notSaved: report.notSaved },
      { passed: true, findings: [], notSaved: undefined },
    );
    assert.deepEqual(await loadListing(saveFile), report.listing);
  });

  it("fails night after night against the file of the night before", async () => {
    const file = join(folder, "seen.json");
    harness.cloud.backups = [ours, full(2)];
    await run({ saveFile: file });
    harness.cloud.backups = [full(2), full(3)];
    const report = await run({ before: { file }, saveFile: file });
    assert.equal(report.passed, false);
    // Failures come first, whatever was looked at first.
    assert.deepEqual(
      report.findings.map((each) => [each.severity, each.code]),
      [
        ["failure", "last-good-lost"],
        ["warning", "unmarked"],
        ["warning", "unmarked"],
      ],
    );
    assert.deepEqual(
      (await loadListing(file)).backups.map((each) => each.id),
      [id(2), id(3)],
    );
  });

  it("passes with warnings", async () => {
    harness.cloud.backups = [full(1)];
    const report = await run();
    assert.deepEqual([report.passed, report.findings.map((each) => each.code)], [true, ["unmarked"]]);
  });

  it("asks for the children of parents that are gone", async () => {
    harness.cloud.backups = [ours, incremental(2, 1)];
    const before = (await run()).listing;
    harness.cloud.backups = [full(3), incremental(2, 1)];
    const report = await run({ before });
    const gone = report.findings.find((each) => each.code === "parent-gone");
    assert.deepEqual(gone?.backupIds, [id(2)]);
    assert.equal(report.listing.backups.find((each) => each.id === id(2))?.parentId, id(1));
  });

  it("does not save a listing made with lost rights", async () => {
    harness.cloud.backups = [ours];
    harness.cloud.isAdmin = false;
    const report = await run({ saveFile: join(folder, "seen.json") });
    assert.deepEqual([report.passed, report.notSaved], [false, "the listing is partial"]);
    assert.deepEqual(await readdir(folder), []);
  });

  it("does not save an empty listing over a proven one", async () => {
    const file = join(folder, "seen.json");
    harness.cloud.backups = [ours];
    const first = await run({ saveFile: file });
    harness.cloud.backups = [];
    const second = await run({ before: { file }, saveFile: file });
    assert.deepEqual([second.passed, second.notSaved], [false, "the listing is empty and the earlier one is not"]);
    assert.deepEqual(await loadListing(file), first.listing);
  });

  it("saves an empty listing where there never was more", async () => {
    const file = join(folder, "seen.json");
    await run({ saveFile: file });
    const report = await run({ before: { file }, saveFile: file });
    assert.deepEqual([report.passed, report.notSaved], [true, undefined]);
    assert.deepEqual(await loadListing(file), report.listing);
  });

  it("must know the conductor", async () => {
    await assert.rejects(run({ rules: { userIds: [] } }), { kind: "usage" });
    assert.deepEqual(harness.cloud.requests, []);
  });
});
