import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, at, aVolume } from "../../test/unit/support/builders.ts";
import type { CatalogueEntry, OverrideSeen } from "./catalogue.ts";
import type { Backup } from "./inventory.ts";
import { mark } from "./marks.ts";
import { readPoints } from "./points.ts";
import { readReleases, releasedPoints, type ReleaseRule } from "./release.ts";

const dayMs = 24 * 60 * 60 * 1000;
const rule: ReleaseRule = { key: "release-snapshots", delayMs: 7 * dayMs };
const now = at("2026-11-21T00:00:00Z");
const seenAt = (text: string): OverrideSeen => ({
  resourceId: "v1",
  key: rule.key,
  value: "yes",
  firstSeenAt: at(text),
});
const asking = (value: string) => [aVolume("v1", { metadata: { [rule.key]: value } }), aVolume("v2")];

void describe("readReleases", () => {
  void it("begins the delay when a scan first sees the request, and tells of it once", () => {
    const first = readReleases({ volumes: asking(" YES "), rule, seen: [], now });
    assert.deepEqual(first, {
      dueAt: new Map([["v1", at("2026-11-28T00:00:00Z")]]),
      seen: [seenAt("2026-11-21T00:00:00Z")],
      notices: [
        {
          reason: "release_requested",
          projectId: "p1",
          resourceId: "v1",
          message:
            "its automated snapshots go on 2026-11-28T00:00:00.000Z (after 7d); take release-snapshots off the volume to keep them",
        },
      ],
    });
    const later = readReleases({ volumes: asking("true"), rule, seen: first.seen, now: at("2026-11-25T00:00:00Z") });
    assert.deepEqual(later, { ...first, notices: [] });
  });

  void it("forgets what was taken back, so that asking again begins anew", () => {
    const seen = [seenAt("2026-11-01T00:00:00Z")];
    for (const value of ["no", "", "false"]) {
      const taken = readReleases({ volumes: asking(value), rule, seen, now });
      assert.deepEqual(taken, { dueAt: new Map(), seen: [], notices: [] });
    }
  });

  void it("does nothing by what it cannot read, and says so", () => {
    const { dueAt, notices, seen } = readReleases({ volumes: asking("soon"), rule, seen: [], now });
    assert.deepEqual([dueAt.size, seen, notices.map(({ reason }) => reason)], [0, [], ["request_invalid"]]);
  });
});

void describe("releasedPoints", () => {
  const snapshot = (id: string, fields: Parameters<typeof aBackup>[2] = {}): Backup =>
    aBackup(id, "2026-11-20T00:00:00Z", { mechanism: "snapshot", dataTimestamp: null, ...fields });
  const released = (backups: readonly Backup[], due: string, entries: readonly CatalogueEntry[] = []) => {
    const catalogue = new Map(entries.map((entry) => [entry.backupId, entry]));
    const points = readPoints({ backups, catalogue, userIds: new Set([snapshot("x").userId ?? ""]) });
    const all = [...points.values()].flatMap((volume) => [...volume.points, ...volume.others]);
    return releasedPoints(all, { dueAt: new Map([["v1", at(due)]]), now }).map(({ backup }) => backup.id);
  };

  void it("are the snapshots of ours, the newest good one and failed ones included", () => {
    const all = [snapshot("a"), snapshot("b"), snapshot("c", { status: "error" })];
    assert.deepEqual(released(all, "2026-11-21T00:00:00Z"), ["a", "b", "c"]);
    assert.deepEqual(released(all, "2026-11-21T00:00:01Z"), []);
  });

  void it("are never backups, held, unfinished, of other volumes, or not ours", () => {
    const others = [
      aBackup("backup", "2026-11-20T00:00:00Z"),
      snapshot("held", { marks: { [mark.hold]: "x" } }),
      snapshot("creating", { status: "creating" }),
      snapshot("elsewhere", { volumeId: "v2" }),
      snapshot("foreign", { userId: "somebody" }),
      snapshot("unmarked", { metadata: {} }),
    ];
    assert.deepEqual(released(others, "2026-11-01T00:00:00Z"), []);
  });
});
