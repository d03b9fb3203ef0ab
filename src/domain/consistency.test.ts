import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aJob, at } from "../../test/unit/support/builders.ts";
import type { Job, Operation } from "./catalogue.ts";
import { consistencyOf } from "./consistency.ts";

const job = (key: string, submittedAt: string | null, state: Job["state"] = "succeeded"): Job =>
  aJob(key, { key, mechanism: "snapshot", state, submittedAt: submittedAt === null ? null : at(submittedAt) });
const answer = (key: string, when: string): Operation => ({
  id: key,
  runId: "r",
  at: at(when),
  kind: "create",
  reason: "snapshot",
  projectId: null,
  serverId: null,
  volumeId: null,
  backupId: null,
  key,
  message: null,
  requestId: null,
});

describe("consistencyOf", () => {
  const jobs = [job("a", "2026-11-21T00:00:00.100Z"), job("b", "2026-11-21T00:00:00.000Z")];
  const answers = [answer("a", "2026-11-21T00:00:00.812Z"), answer("b", "2026-11-21T00:00:00.300Z")];

  it("calls a whole set crash-set, with the time from the first request to the last answer", () => {
    const message = "crash-set, 2 of 2 volumes, skew 812 ms";
    const others = [answer("of another set", "2026-11-21T09:00:00Z")];
    assert.deepEqual(consistencyOf(jobs, [...answers, ...others]), { complete: true, made: 2, skewMs: 812, message });
  });

  it("says nothing of a set that lacks a volume but what each volume is", () => {
    const failed = job("c", "2026-11-20T23:59:00Z", "failed");
    const message = "crash-volume, 2 of 3 volumes, skew 812 ms";
    assert.deepEqual(consistencyOf([...jobs, failed], answers), { complete: false, made: 2, skewMs: 812, message });
    const alone = consistencyOf([jobs[0]!, failed], answers);
    assert.deepEqual(alone.message, "crash-volume, 1 of 2 volumes");
    assert.deepEqual(consistencyOf([failed, failed], []), {
      complete: false,
      made: 0,
      skewMs: null,
      message: "crash-volume, 0 of 2 volumes",
    });
  });

  it("knows no skew where an answer was lost", () => {
    assert.deepEqual(consistencyOf(jobs, answers.slice(1)), {
      complete: true,
      made: 2,
      skewMs: null,
      message: "crash-set, 2 of 2 volumes, skew unknown",
    });
    const unsent = job("a", null);
    assert.equal(consistencyOf([unsent, jobs[1]!], answers).skewMs, null);
  });
});
