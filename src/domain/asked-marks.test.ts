import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { at } from "../../test/unit/support/builders.ts";
import { selection } from "../../test/unit/support/clouds.ts";
import { askedMarks, formatAsked, parseAsked, wasAskedFor, type Asked } from "./asked-marks.ts";
import type { OverrideSeen } from "./catalogue.ts";
import { indexSeen } from "./overrides.ts";

const context = { selection, policy: { name: "default" } };
const made = { volumeId: "v1", serverId: "s1", policy: "default" };
const row = (resourceId: string, key: string, value: string, day: number): OverrideSeen => ({
  resourceId,
  key,
  value,
  firstSeenAt: at(`2026-11-0${day}T00:00:00.250Z`),
});
const marks = (of: typeof made, ...rows: OverrideSeen[]): Record<string, string> =>
  askedMarks(of, indexSeen(rows), context);

describe("what was asked for, as marks on what is made", () => {
  it("of volume and server, what holds first and what waits after it", () => {
    assert.deepEqual(
      marks(
        made,
        row("v1", "backup_retention", "7d", 3),
        row("v1", "backup_retention", "1mon", 1),
        row("s1", "backup_retention", "soon", 2),
        row("s2", "backup_retention", "9d", 2),
        row("v1", "backup_retention@gold", "9d", 2),
        row("v1", "backup_policy", "weak, Gö, gold", 4),
        row("s1", "backup_policy", "gold", 4),
      ),
      {
        "dirigent:asked": "volume=30d@2026-11-01T00:00:01Z volume=7d@2026-11-03T00:00:01Z server=@2026-11-02T00:00:01Z",
        "dirigent:asked-policies": "volume=gold,weak@2026-11-04T00:00:01Z server=gold@2026-11-04T00:00:01Z",
      },
    );
  });

  it("of another policy by its own key, of the peers' keys, and nothing of a server where there is none", () => {
    const of = { volumeId: "v1", serverId: "", policy: "snapsentry-daily" };
    assert.deepEqual(
      marks(
        of,
        row("v1", "backup_retention", "9d", 1),
        row("v1", "backup_retention@snapsentry-daily", "9d", 2),
        row("v1", "keeps@x-snapsentry@snapsentry-daily", "5d,last=2", 3),
        row("v1", "x-snapsentry", "snapsentry-daily", 3),
        row("s1", "backup_policy", "gold", 4),
      ),
      { "dirigent:asked": "volume=9d@2026-11-02T00:00:01Z snapsentry=5d,last=2@2026-11-03T00:00:01Z" },
    );
    assert.deepEqual(marks({ ...of, volumeId: "v2" }), {});
  });

  it("joins all that was asked before into one", () => {
    const rows = ["gold", "six,gold", "", "weak"].map((value, i) => row("v1", "backup_policy", value, i + 1));
    assert.deepEqual(marks(made, ...rows), {
      "dirigent:asked-policies": "volume=gold,six@2026-11-01T00:00:01Z volume=weak@2026-11-04T00:00:01Z",
    });
  });

  it("is read back as it was written, and never longer than Cinder takes", () => {
    const rows = fc.array(
      fc.record(
        {
          by: fc.constantFrom<Asked["by"]>("volume", "server", "snapsentry", "platform9"),
          value: fc.stringMatching(/^[a-z0-9_,=-]{0,40}$/),
          since: fc.integer({ min: 0, max: 4_000_000_000 }).map((s) => new Date(s * 1000)),
        },
        { noNullPrototype: true },
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(rows, (all) => {
        const text = formatAsked(all);
        assert.ok(text.length <= 255);
        const read = parseAsked(text);
        assert.equal(formatAsked(read), text);
        if (read.length === all.length) assert.deepEqual(read, all);
        else assert.ok(all.length > 3);
      }),
    );
  });

  it("what cannot be read says nothing", () => {
    for (const text of [
      "",
      "volume",
      "volume=30d",
      "volume=30d@yesterday",
      "volume=30d@2026-13-01T00:00:00Z",
      "volume=30 d@2026-11-01T00:00:00Z",
      "somebody=30d@2026-11-01T00:00:00Z",
    ]) {
      assert.deepEqual(parseAsked(text), [], text);
    }
  });
});

describe("wasAskedFor", () => {
  const cases: [name: string, text: string | null, asked: boolean][] = [
    ["nobody asked", null, false],
    ["the volume", "volume=7d@2026-11-01T00:00:00Z", true],
    ["the server", "server=7d@2026-11-01T00:00:00Z", true],
    [
      "the server, and of the volume something that cannot be read",
      "volume=@2026-11-03T00:00:00Z server=7d@2026-11-01T00:00:00Z",
      true,
    ],
    ["less, which waits", "volume=60d@2026-11-01T00:00:00Z volume=20d@2026-11-03T00:00:00Z", true],
    ["taken back, which waits", "volume=60d@2026-11-01T00:00:00Z volume=@2026-11-03T00:00:00Z", false],
    ["taken back, in whatever order", "server=@2026-11-03T00:00:00Z server=60d@2026-11-01T00:00:00Z", false],
    ["by peers' keys, which only ever add", "snapsentry=5d,last=2@2026-11-03T00:00:00Z", false],
    ["damaged", "volume=7d", false],
  ];
  for (const [name, text, asked] of cases) it(name, () => assert.equal(wasAskedFor(text), asked));
});
