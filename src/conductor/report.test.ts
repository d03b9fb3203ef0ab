import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CatalogueEntry, Job, Operation } from "../domain/catalogue.ts";
import type { Skip } from "../domain/planner.ts";
import { aJob } from "../../test/unit/support/builders.ts";
import { entry, operation } from "../../test/contract/store-rows.ts";
import { buildReport, setsOf } from "./report.ts";

const at = (text: string): Date => new Date(`2026-11-21T${text}Z`);

const report = (given: {
  readonly jobs?: readonly Job[];
  readonly skips?: readonly Skip[];
  readonly entries?: readonly CatalogueEntry[];
}) =>
  buildReport({
    id: "report",
    runId: "run",
    projectId: "p",
    projectName: "shop",
    at: at("02:00:00"),
    startedAt: at("01:00:00"),
    nextRunAt: at("13:00:00"),
    entries: [],
    jobs: [],
    sets: [],
    skips: [],
    notices: [],
    rotation: { deleted: 0, kept: 0, failed: 0, reasons: {}, blocked: null },
    quota: {
      backups: { limit: 10, inUse: 3, reserved: 1 },
      backupGiB: { limit: 100, inUse: 30, reserved: 10 },
      snapshots: { limit: 20, inUse: 5, reserved: 1 },
      gigabytes: { limit: -1, inUse: 50, reserved: 10 },
      ofType: new Map([
        ["fast", { snapshots: { limit: 4, inUse: 1, reserved: 1 }, gigabytes: { limit: -1, inUse: 9, reserved: 0 } }],
        ["slow", { snapshots: { limit: -1, inUse: 1, reserved: 0 }, gigabytes: { limit: -1, inUse: 9, reserved: 0 } }],
      ]),
    },
    ...given,
  });

const ended = {
  state: "succeeded",
  reason: "succeeded",
  submittedAt: at("01:00:00"),
  endedAt: at("01:01:00"),
} as const;
const good = (more: Partial<CatalogueEntry>): CatalogueEntry =>
  entry(`${more.mechanism} ${String(more.createdAt)}`, { volumeId: "v", goodAt: more.createdAt ?? null, ...more });

describe("a project's report", () => {
  it("has a line for each volume, policy and mechanism, and what a snapshot was stands for no backup", () => {
    const job = (key: string, more: Partial<Job>): Job => aJob("v", { ...ended, ...more, key });
    const { lines, points, quota, snapshots } = report({
      jobs: [
        job("1", { policy: "nightly", mechanism: "snapshot" }),
        job("2", { policy: "monthly", mechanism: "backup", state: "failed", reason: "ended_in_error" }),
        job("3", { policy: "nightly", mechanism: "backup" }),
      ],
      entries: [
        good({ mechanism: "snapshot", createdAt: at("01:00:00") }),
        good({ mechanism: "backup", createdAt: at("00:30:00") }),
        good({ mechanism: "backup", createdAt: at("00:10:00") }),
      ],
    });
    assert.deepEqual(
      lines.map(({ policy, mechanism, outcome, lastGoodAt }) => [policy, mechanism, outcome, lastGoodAt]),
      [
        ["monthly", "backup", "failed", at("00:30:00")],
        ["nightly", "backup", "succeeded", at("00:30:00")],
        ["nightly", "snapshot", "succeeded", at("01:00:00")],
      ],
    );
    assert.deepEqual(points, { count: 2, oldestAt: at("00:10:00"), newestAt: at("00:30:00") });
    assert.deepEqual(snapshots, { count: 1, oldestAt: at("01:00:00"), newestAt: at("01:00:00") });
    assert.deepEqual(quota, {
      backups: { limit: 10, used: 4 },
      gigabytes: { limit: 100, used: 40 },
      snapshots: { limit: 20, used: 6 },
      volumeGigabytes: { limit: -1, used: 60 },
      ofType: [{ type: "fast", snapshots: { limit: 4, used: 2 }, volumeGigabytes: { limit: -1, used: 9 } }],
    });
  });

  it("says nothing of snapshots where none are made", () => {
    const { quota, snapshots } = report({ jobs: [aJob("v", ended)] });
    assert.equal(snapshots, null);
    assert.deepEqual(quota, { backups: { limit: 10, used: 4 }, gigabytes: { limit: 100, used: 40 } });
  });

  it("tells work that has a job by what came of the job", () => {
    const job = aJob("v", ended);
    const { key, policy, mechanism, projectId, serverId, serverName, volumeId, volumeName } = job;
    const skip: Skip = {
      reason: "still_running",
      key,
      policy,
      mechanism,
      projectId,
      serverId,
      serverName,
      volumeId,
      volumeName,
      message: null,
    };
    const { lines } = report({
      jobs: [job],
      skips: [skip, { ...skip, key: "other", volumeId: "w", reason: "excluded" }],
    });
    assert.deepEqual(
      lines.map((line) => [line.volumeId, line.outcome, line.reason]),
      [
        ["w", "skipped", "excluded"],
        ["v", "succeeded", "succeeded"],
      ],
    );
  });
});

describe("sets of snapshots", () => {
  const job = (volumeId: string, setId: string, more: Partial<Job> = {}): Job =>
    aJob(volumeId, {
      ...ended,
      mechanism: "snapshot",
      setId,
      key: volumeId,
      policy: "nightly",
      serverName: setId,
      ...more,
    });
  const answer = (key: string, when: Date): Operation => operation(key, { key, at: when });

  it("are told when all of their jobs have ended, partial ones first", () => {
    const jobs = [
      job("a", "whole"),
      job("b", "whole"),
      job("c", "torn"),
      job("d", "torn", { state: "failed" }),
      job("e", "alone"),
      job("f", "going on"),
      job("g", "going on", { state: "running" }),
      job("h", "backups", { mechanism: "backup" }),
      job("i", "backups", { mechanism: "backup" }),
    ];
    const answers = [answer("a", at("01:00:00.500")), answer("b", at("01:00:00.812"))];
    assert.deepEqual(
      setsOf(jobs, answers).map(({ serverName, complete, made, volumes, skewMs }) => [
        serverName,
        complete,
        `${made} of ${volumes}`,
        skewMs,
      ]),
      [
        ["torn", false, "1 of 2", null],
        ["whole", true, "2 of 2", 812],
      ],
    );
  });
});
