import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aServer, at, aVolume, dailyPolicy } from "../../test/unit/support/builders.ts";
import { selection } from "../../test/unit/support/clouds.ts";
import type { Policy } from "./policy.ts";
import { isOpenFor, taggedTargets, targetsOf, tracksOf } from "./tracks.ts";

const now = at("2026-11-21T02:00:00Z");
const policy = (name: string, fields: Partial<Policy> = {}): Policy => ({ ...dailyPolicy, name, ...fields });

describe("targets", () => {
  it("are tagged servers with all their volumes, sorted, whoever knows of them, each server once", () => {
    const s2 = aServer("s2", { volumeIds: ["v3", "v1"] });
    const servers = [s2, aServer("s1"), aServer("s0", { metadata: {} }), s2];
    const volumes = [aVolume("v2", { serverIds: ["s2"] }), aVolume("v4", { serverIds: ["s0"] })];
    assert.deepEqual(
      taggedTargets(servers, volumes, selection).map(({ server, volumeIds }) => [server?.id, volumeIds]),
      [
        ["s1", []],
        ["s2", ["v1", "v2", "v3"]],
      ],
    );
    assert.deepEqual(
      targetsOf(servers, volumes).map(({ server }) => server?.id),
      ["s0", "s1", "s2"],
    );
  });
});

describe("tracks", () => {
  it("are made by priority, then name, then mechanism; a policy that has not begun has none", () => {
    const later = { kind: "interval", everyMs: 1000, anchor: at("2027-01-01T00:00:00Z") } as const;
    const all = [
      policy("b", { mechanisms: ["backup", "snapshot"] }),
      policy("c", { priority: 10 }),
      policy("a"),
      policy("d", { priority: 1, schedule: later }),
    ];
    const tracks = tracksOf(new Map(all.map((each) => [each, []])), now);
    assert.deepEqual(
      tracks.map((track) => [track.policy.name, track.mechanism, track.slot.id]),
      [
        ["c", "backup", "2026-11-21T00:00:00Z"],
        ["a", "backup", "2026-11-21T00:00:00Z"],
        ["b", "backup", "2026-11-21T00:00:00Z"],
        ["b", "snapshot", "2026-11-21T00:00:00Z"],
      ],
    );
  });

  it("of policies of one name go in the same order, whoever was met first", () => {
    const [short, long] = [policy("a", { retentionMs: 5 }), policy("a", { retentionMs: 9 })];
    const order = (all: readonly Policy[]): number[] =>
      tracksOf(new Map(all.map((each) => [each, []])), now).map((track) => track.policy.retentionMs);
    assert.deepEqual(order([short, long]), order([long, short]));
  });

  it("are open until their windows end", () => {
    const [track] = tracksOf(new Map([[policy("a"), []]]), now);
    assert.ok(track !== undefined);
    assert.equal(isOpenFor(track, at("2026-11-21T07:59:59Z")), true);
    assert.equal(isOpenFor(track, at("2026-11-21T08:00:00Z")), false);
  });
});
