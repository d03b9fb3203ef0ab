import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, aServer, aVolume, dailyPolicy } from "../../test/unit/support/builders.ts";
import { ourUser, selection } from "../../test/unit/support/clouds.ts";
import type { Backup } from "./inventory.ts";
import { recallRequests } from "./recalled-requests.ts";

const policies = new Map([["gold", { ...dailyPolicy, name: "gold" }]]);

interface Said {
  readonly asked?: string;
  readonly policies?: string;
  readonly marks?: Record<string, string | undefined>;
  readonly fields?: Partial<Backup>;
}

/** A point of the built-in policy, made at noon of a day of November. */
const point = (day: number, { asked, fields, marks, policies: names }: Said = {}): Backup =>
  aBackup(`b${day}`, `2026-11-${String(day).padStart(2, "0")}T12:00:00Z`, {
    ...fields,
    marks: {
      "dirigent:policy": "default",
      "dirigent:slot": `2026-11-${String(day).padStart(2, "0")}T00:00:00Z`,
      "dirigent:server": "s1",
      "dirigent:asked": asked,
      "dirigent:asked-policies": names,
      ...marks,
    },
  });

const recall = (...points: Backup[]): string[] =>
  recallRequests({
    points,
    userIds: new Set([ourUser]),
    servers: [aServer("s1"), aServer("s2", { projectId: "p2" })],
    volumes: new Map(["v1", "v2"].map((id) => [id, aVolume(id)])),
    selection,
    policy: dailyPolicy,
    policies,
  }).map(
    ({ firstSeenAt, key, resourceId, value }) =>
      `${resourceId} ${key} ${value}@${firstSeenAt.toISOString().slice(5, 16).replace("T", " ")}`,
  );

const since = (day: number): string => `2026-11-${String(day).padStart(2, "0")}T00:00:00Z`;
const held = (day: number): string => `volume=60d@${since(1)} volume=20d@${since(day)}`;

describe("what marks tell of what was asked for", () => {
  it("is what the newest point was made under", () => {
    assert.deepEqual(recall(point(2, { asked: `volume=60d@${since(1)}` }), point(3, { asked: held(3) })), [
      "v1 backup_retention 60d@11-01 00:00",
      "v1 backup_retention 20d@11-03 00:00",
    ]);
    assert.deepEqual(recall(point(3, { asked: `server=60d@${since(1)}`, policies: `server=gold@${since(2)}` })), [
      "s1 backup_retention 60d@11-01 00:00",
      "s1 backup_policy gold@11-02 00:00",
    ]);
    assert.deepEqual(recall(point(2), point(3)), []);
  });

  it("of each policy by its own points", () => {
    const gold = { "dirigent:policy": "gold" };
    const asked = `volume=60d@${since(1)} snapsentry=5d,last=0@${since(1)}`;
    assert.deepEqual(recall(point(2, { asked, marks: gold }), point(3)), [
      "v1 backup_retention@gold 60d@11-01 00:00",
      "v1 keeps@x-snapsentry@gold 5d,last=0@11-01 00:00",
    ]);
  });

  it("has an end where points were made when nothing was asked for", () => {
    const asked = `volume=60d@${since(1)}`;
    assert.deepEqual(recall(point(2, { asked }), point(3), point(4)), [
      "v1 backup_retention 60d@11-01 00:00",
      "v1 backup_retention @11-03 12:00",
    ]);
    const names = `volume=gold@${since(1)}`;
    assert.deepEqual(recall(point(2, { policies: names }), point(3)), [
      "v1 backup_policy gold@11-01 00:00",
      "v1 backup_policy @11-03 12:00",
    ]);
    const ofPeer = `platform9=0d,last=9@${since(1)}`;
    assert.deepEqual(recall(point(2, { asked: ofPeer }), point(3)), [
      "v1 keeps@snapshot_policies@default 0d,last=9@11-01 00:00",
      "v1 keeps@snapshot_policies@default @11-03 12:00",
    ]);
  });

  describe("whoever wrote it", () => {
    it("cannot have it older than the last point that says otherwise", () => {
      const real = point(9, { asked: `volume=60d@${since(1)}` });
      const [, forged] = recall(real, point(10, { asked: `volume=60d@${since(1)} volume=20d@${since(2)}` }));
      assert.equal(forged, "v1 backup_retention 20d@11-09 12:00");
      // Nor than one that says nothing.
      assert.deepEqual(recall(point(9), point(10, { asked: `volume=20d@${since(2)}` })), [
        "v1 backup_retention 20d@11-09 12:00",
      ]);
    });

    it("cannot have it older than any of the points that say the same", () => {
      const all = [point(9, { asked: held(9) }), point(10, { asked: held(2) })];
      assert.deepEqual(recall(...all).at(-1), "v1 backup_retention 20d@11-09 00:00");
    });

    it("cannot turn what holds into what is asked for last", () => {
      const asked = `volume=60d@${since(20)} volume=20d@${since(12)}`;
      assert.deepEqual(
        recall(point(9, { asked: `volume=60d@${since(1)}` }), point(10, { asked }))
          .at(-1)
          ?.slice(0, 23),
        "v1 backup_retention 60d",
      );
    });

    it("a day to come is the day on which it was made", () => {
      assert.deepEqual(recall(point(10, { asked: `volume=60d@2126-11-01T00:00:00Z` })), [
        "v1 backup_retention 60d@11-10 12:00",
      ]);
    });

    const asked = `volume=60d@${since(1)} server=60d@${since(1)}`;
    const cases: [name: string, point: Backup][] = [
      ["somebody else's", point(3, { asked, fields: { userId: "mallory" } })],
      ["of another project than its volume", point(3, { asked, fields: { projectId: "p2" } })],
      ["of a volume that is gone", point(3, { asked, fields: { volumeId: "v9" } })],
      ["adopted", point(3, { asked, marks: { "dirigent:adopted": since(3) } })],
      ["of a manual run", point(3, { asked, marks: { "dirigent:slot": "manual:7" } })],
      ["without a policy", point(3, { asked, marks: { "dirigent:policy": undefined } })],
      ["without a time", point(3, { asked, fields: { createdAt: new Date(NaN) } })],
    ];
    for (const [name, each] of cases) it(`says nothing: ${name}`, () => assert.deepEqual(recall(each), []));

    it("says nothing of a server of another project, or of none that there is", () => {
      for (const id of ["s2", "s9", ""]) {
        assert.deepEqual(recall(point(3, { asked, marks: { "dirigent:server": id } })), [
          "v1 backup_retention 60d@11-01 00:00",
        ]);
      }
    });
  });
});
