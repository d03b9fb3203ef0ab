import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aJob, aServer, at, aVolume } from "../../test/unit/support/builders.ts";
import { selection } from "../../test/unit/support/clouds.ts";
import type { Job } from "./catalogue.ts";
import type { Server, Volume } from "./inventory.ts";
import { taggedTargets } from "./tracks.ts";
import { completeSets } from "./sets.ts";

const done = (volumeId: string, endedAt = "2026-11-21T01:00:00Z"): Job =>
  aJob(volumeId, { state: "succeeded", endedAt: at(endedAt) });

/** The complete servers' ids and the time to write on each. */
const complete = (servers: readonly Server[], volumes: readonly Volume[], jobs: readonly Job[]): string[][] =>
  completeSets({
    targets: taggedTargets(servers, volumes, selection),
    volumes: new Map(volumes.map((v) => [v.id, v])),
    selection,
    jobs,
  }).map((set) => [set.server.id, set.lastBackupTime]);

describe("completeSets", () => {
  const server = aServer("s1", { volumeIds: ["v1"] });
  const volumes = [aVolume("v1"), aVolume("v2", { serverIds: ["s1"] })];

  it("takes a server when all its volumes have succeeded, with the time of the last", () => {
    const jobs = [done("v1", "2026-11-21T02:00:00.900Z"), done("v2", "2026-11-21T01:00:00Z")];
    assert.deepEqual(complete([server], volumes, jobs), [["s1", "2026-11-21T02:00:00Z"]]);
  });

  it("takes none of which a volume has failed, still runs, was not tried, or is not listed", () => {
    for (const state of ["failed", "running", "planned", "submitting", "cancelled"] as const) {
      const other = aJob("v2", { state, endedAt: at("2026-11-21T01:00:00Z") });
      assert.deepEqual(complete([server], volumes, [done("v1"), other]), [], state);
    }
    assert.deepEqual(complete([server], volumes, [done("v1")]), []);
    assert.deepEqual(complete([{ ...server, volumeIds: ["v1", "v9"] }], volumes, [done("v1"), done("v2")]), []);
  });

  it("does not wait for volumes that ask to be skipped", () => {
    const skipped = aVolume("v2", { serverIds: ["s1"], metadata: { "skip-volume-backup": "yes" } });
    assert.deepEqual(complete([server], [aVolume("v1"), skipped], [done("v1")]), [["s1", "2026-11-21T01:00:00Z"]]);
  });

  it("takes none without a volume that was backed up", () => {
    assert.deepEqual(complete([aServer("s2")], volumes, [done("v1")]), []);
  });

  it("takes none that is not tagged", () => {
    assert.deepEqual(complete([{ ...server, metadata: {} }], volumes, [done("v1"), done("v2")]), []);
  });

  it("takes none that says so already, and one that says something older or nothing readable", () => {
    const says = (time: string): string[][] =>
      complete([{ ...server, metadata: { backup: "yes", "last-backup-time": time } }], volumes, [
        done("v1"),
        done("v2"),
      ]);
    const wanted = [["s1", "2026-11-21T01:00:00Z"]];
    assert.deepEqual(says("2026-11-21T01:00:00Z"), []);
    assert.deepEqual(says("2026-11-22T01:00:00Z"), []);
    assert.deepEqual(says("2026-11-21T00:59:59Z"), wanted);
    assert.deepEqual(says("yesterday"), wanted);
  });
});
