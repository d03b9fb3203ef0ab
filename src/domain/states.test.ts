import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, at } from "../../test/unit/support/builders.ts";
import type { Backup } from "./inventory.ts";
import { deadlineOf, judgeBackup, type Verdict } from "./states.ts";

const hourMs = 3_600_000;

describe("deadlineOf", () => {
  const submittedAt = at("2026-11-21T00:00:00Z");
  const backup = (sizeGiB: number) => ({ mechanism: "backup", sizeGiB }) as const;
  it("is the base for a snapshot, of whatever size", () => {
    const speed = { baseMs: hourMs, bytesPerSecond: 20 * 2 ** 20 };
    assert.deepEqual(
      deadlineOf({ mechanism: "snapshot", sizeGiB: 100 }, submittedAt, speed),
      at("2026-11-21T01:00:00Z"),
    );
  });
  it("adds the time that the size takes to the base", () => {
    const speed = { baseMs: hourMs, bytesPerSecond: 20 * 2 ** 20 };
    assert.deepEqual(deadlineOf(backup(0), submittedAt, speed), at("2026-11-21T01:00:00Z"));
    assert.deepEqual(deadlineOf(backup(100), submittedAt, speed), at("2026-11-21T02:25:20Z"));
  });
  it("rounds up to the millisecond", () => {
    assert.deepEqual(
      deadlineOf(backup(1), submittedAt, { baseMs: 5, bytesPerSecond: 3 * 2 ** 30 }),
      at("2026-11-21T00:00:00.339Z"),
    );
  });
});

describe("judgeBackup", () => {
  const deadlineAt = at("2026-11-21T02:00:00Z");
  const before = at("2026-11-21T02:00:00Z");
  const after = at("2026-11-21T02:00:00.001Z");
  const failed = (reason: Extract<Verdict, { kind: "failed" }>["reason"], message: string | null): Verdict => ({
    kind: "failed",
    reason,
    message,
  });
  const cases: [name: string, fields: Partial<Backup>, early: Verdict, late: Verdict][] = [
    ["available", {}, { kind: "good" }, { kind: "good" }],
    ["available with an empty fail reason", { failReason: "" }, { kind: "good" }, { kind: "good" }],
    ["creating", { status: "creating" }, { kind: "running" }, { kind: "stuck" }],
    ["restoring", { status: "restoring" }, { kind: "running" }, { kind: "stuck" }],
    ["a word of a later Cinder", { status: "compressing" }, { kind: "running" }, { kind: "stuck" }],
    [
      "available with a fail reason",
      { failReason: "half" },
      failed("ended_in_error", "half"),
      failed("ended_in_error", "half"),
    ],
    [
      "available with less than its source",
      { sizeGiB: 9 },
      failed("wrong_size", "the backup has 9 GiB, the volume 10 GiB"),
      failed("wrong_size", "the backup has 9 GiB, the volume 10 GiB"),
    ],
    [
      "available with more than its source had when it was planned: extended since",
      { sizeGiB: 11 },
      { kind: "good" },
      { kind: "good" },
    ],
    [
      "error with its reason",
      { status: "error", failReason: "no space" },
      failed("ended_in_error", "no space"),
      failed("ended_in_error", "no space"),
    ],
    [
      "error without one",
      { status: "error" },
      failed("ended_in_error", "status error"),
      failed("ended_in_error", "status error"),
    ],
    [
      "error_deleting",
      { status: "error_deleting", failReason: "" },
      failed("ended_in_error", "status error_deleting"),
      failed("ended_in_error", "status error_deleting"),
    ],
    ["deleting", { status: "deleting" }, failed("vanished", "status deleting"), failed("vanished", "status deleting")],
    ["deleted", { status: "deleted" }, failed("vanished", "status deleted"), failed("vanished", "status deleted")],
  ];
  for (const [name, fields, early, late] of cases) {
    it(name, () => {
      const seen = aBackup("b1", "2026-11-21T00:00:00Z", fields);
      assert.deepEqual(judgeBackup({ sizeGiB: 10, deadlineAt, archiveZone: null }, seen, before), early);
      assert.deepEqual(judgeBackup({ sizeGiB: 10, deadlineAt, archiveZone: null }, seen, after), late);
    });
  }
  it("an archive in the zone that was asked for, in another one, and in none", () => {
    const judged = (availabilityZone: string | null): Verdict =>
      judgeBackup(
        { sizeGiB: 10, deadlineAt, archiveZone: "far" },
        aBackup("b1", "2026-11-21T00:00:00Z", { availabilityZone }),
        before,
      );
    const wrong = (shown: string): Verdict => failed("archive_wrong_zone", `asked for zone far, Cinder shows ${shown}`);
    assert.deepEqual(judged("far"), { kind: "good" });
    assert.deepEqual(judged("near"), wrong("near"));
    assert.deepEqual(judged(null), wrong("none, as releases do that take no notice of the zone (Zed)"));
  });
  it("gone", () => {
    assert.deepEqual(
      judgeBackup({ sizeGiB: 10, deadlineAt, archiveZone: null }, "gone", before),
      failed("vanished", null),
    );
  });
  it("creating without a deadline", () => {
    const seen = aBackup("b1", "2026-11-21T00:00:00Z", { status: "creating" });
    assert.deepEqual(judgeBackup({ sizeGiB: 10, deadlineAt: null, archiveZone: null }, seen, after), {
      kind: "running",
    });
  });
});
