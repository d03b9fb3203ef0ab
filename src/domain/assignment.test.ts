import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { aServer, at, aVolume, dailyPolicy } from "../../test/unit/support/builders.ts";
import { dayMs, selection } from "../../test/unit/support/clouds.ts";
import { assignPolicies, assignVolume, contextOf, type Assignment, type AssignmentInput } from "./assignment.ts";
import type { Server, Volume } from "./inventory.ts";
import type { PolicyBook } from "./policy-book.ts";
import { newestOnly, every, type Policy } from "./policy.ts";
import type { Rule } from "./rules.ts";

const now = at("2026-11-21T02:00:00Z");
const daysAgo = (days: number): Date => new Date(now.getTime() - days * dayMs);

const policy = (name: string, fields: Partial<Policy> = {}): Policy => ({ ...dailyPolicy, name, ...fields });
const builtIn = policy("default");
const last = (count: number): Policy["thinning"] => newestOnly(count, "UTC");
const known = [
  builtIn,
  policy("gold"),
  policy("silver"),
  policy("six", { ...every(dayMs / 4), retentionMs: 0, thinning: last(6) }),
];

const bookOf = (fields: Partial<PolicyBook> = {}): PolicyBook => ({
  policies: new Map(known.map((each) => [each.name, each])),
  rules: [],
  exclusions: [],
  version: null,
  ...fields,
});

const attach = (name: string, policies: readonly string[], fields: Partial<Rule> = {}): Rule => ({
  name,
  priority: 10,
  match: { kind: "all", of: [] },
  effect: { kind: "attach", policies, retention: new Map(), continue: false },
  ...fields,
});
const exclude = (name: string, fields: Partial<Rule> = {}): Rule => ({
  name,
  priority: 5,
  match: { kind: "all", of: [] },
  effect: { kind: "exclude" },
  ...fields,
});

interface Given extends Partial<Omit<AssignmentInput, "volumes" | "book">> {
  readonly volumes?: readonly Volume[];
  readonly book?: Partial<PolicyBook>;
}

const inputOf = ({ volumes = [aVolume("v1")], book, ...given }: Given): AssignmentInput => ({
  now,
  servers: [],
  projects: new Map(),
  selection,
  builtIn,
  overridesSeen: [],
  readsPlatform9: true,
  ...given,
  volumes: new Map(volumes.map((volume) => [volume.id, volume])),
  book: bookOf(book),
});

const assign = (given: Given): Assignment => assignPolicies(inputOf(given));

/** `policy: server/volume`, in the order of the tracks; policies that protect nothing are left out. */
const targetsOf = ({ targets }: Assignment): string[] =>
  [...targets].flatMap(([{ name }, all]) =>
    all.flatMap(({ server, volumeIds }) => volumeIds.map((id) => `${name}: ${server?.id ?? "alone"}/${id}`)),
  );

/** Policy and source of what protects one volume. */
const saidOf = (given: Given, id = "v1"): readonly string[] | string => {
  const input = inputOf(given);
  const volume = input.volumes.get(id);
  assert.ok(volume !== undefined);
  const { excluded, protections } = assignVolume(volume, contextOf(input));
  if (excluded !== null) return excluded;
  return protections.map(({ policy: { name }, server, source }) => {
    const from =
      source.kind === "tag"
        ? `tag ${source.serverId}`
        : source.kind === "rule"
          ? `rule ${source.rule}`
          : `${source.key} of ${source.resourceId}`;
    return `${name} by ${from} with ${server?.id ?? "nobody"}`;
  });
};

const noticesOf = ({ notices }: Assignment): string[] =>
  notices.map(({ reason, resourceId, message }) => `${reason} ${resourceId ?? ""} ${message ?? ""}`);

const untagged = (id: string, fields: Partial<Server> = {}): Server => aServer(id, { metadata: {}, ...fields });
const s1 = aServer("s1", { volumeIds: ["v1"] });
const asking = (value: string): Volume => aVolume("v1", { metadata: { backup_policy: value } });

describe("who is protected by what", () => {
  it("the volumes of tagged servers by the built-in policy, whoever of Nova and Cinder knows of them", () => {
    const given: Given = {
      servers: [s1, untagged("s2", { volumeIds: ["v2"] }), aServer("s3")],
      volumes: [aVolume("v1"), aVolume("v2"), aVolume("v3", { serverIds: ["s3"] }), aVolume("v4")],
    };
    assert.deepEqual(targetsOf(assign(given)), ["default: s1/v1", "default: s3/v3"]);
    assert.deepEqual(saidOf(given), ["default by tag s1 with s1"]);
    assert.deepEqual(saidOf(given, "v4"), []);
  });

  it("names tagged servers without volumes, and volumes that Cinder does not list: that is to be told", () => {
    const { targets } = assign({
      servers: [aServer("s1"), aServer("s2", { volumeIds: ["gone"] })],
      volumes: [],
    });
    assert.deepEqual(
      targets.get(builtIn)?.map(({ server, volumeIds }) => [server?.id, volumeIds]),
      [
        ["s1", []],
        ["s2", ["gone"]],
      ],
    );
  });

  it("has the built-in policy and those that rules attach, also when they protect nothing", () => {
    const { targets } = assign({ volumes: [], book: { rules: [attach("all", ["gold", "six"])] } });
    assert.deepEqual(
      [...targets].map(([{ name }, all]) => [name, all]),
      [
        ["default", []],
        ["gold", []],
        ["six", []],
      ],
    );
  });

  it("volumes without a server by rules alone", () => {
    const given: Given = { book: { rules: [attach("all", ["gold", "six"])] } };
    assert.deepEqual(targetsOf(assign(given)), ["gold: alone/v1", "six: alone/v1"]);
    assert.deepEqual(saidOf(given), ["gold by rule all with nobody", "six by rule all with nobody"]);
  });

  it("the tag before rules, each policy once, and the first source of it counts", () => {
    const retention = new Map([["default", { last: 3 }]]);
    const rule = attach("all", ["default", "gold"], {
      effect: { kind: "attach", policies: ["default", "gold"], retention, continue: false },
    });
    assert.deepEqual(saidOf({ servers: [s1], book: { rules: [rule] } }), [
      "default by tag s1 with s1",
      "gold by rule all with s1",
    ]);
    assert.deepEqual(targetsOf(assign({ servers: [s1], book: { rules: [rule] } })), ["default: s1/v1", "gold: s1/v1"]);
  });

  it("volumes with a rule's retention by a policy of their own, equal ones by the same", () => {
    const retention = new Map([["gold", { last: 3 }]]);
    const rule = attach("short", ["gold"], {
      match: { kind: "text", field: "volume.type", test: { by: "equals", anyOf: ["slow"] } },
      effect: { kind: "attach", policies: ["gold"], retention, continue: false },
    });
    const { targets } = assign({
      volumes: [aVolume("v1", { volumeType: "slow" }), aVolume("v2"), aVolume("v3", { volumeType: "slow" })],
      book: { rules: [rule, attach("all", ["gold"], { priority: 20 })] },
    });
    assert.deepEqual(
      [...targets].map(([{ name, retentionMs, thinning }, all]) => [
        name,
        retentionMs / dayMs,
        thinning?.last ?? null,
        all.flatMap(({ volumeIds }) => volumeIds),
      ]),
      [
        ["default", 14, null, []],
        ["gold", 14, null, ["v2"]],
        ["gold", 0, 3, ["v1", "v3"]],
      ],
    );
  });
});

describe("exclusions", () => {
  const rules = [attach("all", ["gold"])];
  const exclusions = [{ scope: "volume", id: "v1", reason: "scratch", until: null } as const];

  it("go before tag, rules and requests, and are told where a tag or a tenant wants protection", () => {
    const wanting: readonly Given[] = [
      { servers: [s1] },
      { volumes: [asking("gold")] },
      { servers: [untagged("s1", { volumeIds: ["v1"], metadata: { backup_policy: "gold" } })] },
      {
        volumes: [
          aVolume("v1", { metadata: { "x-snapsentry-managed": "true", "x-snapsentry-daily-enabled": "true" } }),
        ],
      },
      { volumes: [aVolume("v1", { metadata: { auto_snapshot: "yes", snapshot_policies: "six" } })] },
    ];
    for (const given of wanting) {
      const assigned = assign({ ...given, book: { rules, exclusions } });
      assert.deepEqual(targetsOf(assigned), []);
      assert.deepEqual([...assigned.excluded], [["v1", "volume v1: scratch"]]);
    }
  });

  it("are no news where only rules would protect, or nothing", () => {
    for (const book of [{ rules, exclusions }, { exclusions }]) {
      const assigned = assign({ book });
      assert.deepEqual([targetsOf(assigned), [...assigned.excluded]], [[], []]);
    }
    // Published keys are ours, and ask for nothing.
    const published = aVolume("v1", { metadata: { auto_snapshot: "yes", snapshot_policies: "six" } });
    assert.deepEqual([...assign({ volumes: [published], readsPlatform9: false, book: { exclusions } }).excluded], []);
  });

  it("end on their day", () => {
    const ended = [{ scope: "volume", id: "v1", reason: "scratch", until: now } as const];
    assert.deepEqual(saidOf({ servers: [s1], book: { exclusions: ended } }), ["default by tag s1 with s1"]);
  });

  it("by a rule hold for a volume of several servers only when it is with each of them", () => {
    const lab = exclude("labs", {
      match: { kind: "text", field: "server.name", test: { by: "prefix", anyOf: ["lab"] } },
    });
    const shared = aVolume("v1", { serverIds: ["s1", "s2"] });
    const both = (other: string): Given => ({
      servers: [aServer("s1", { name: "lab 1" }), aServer("s2", { name: other })],
      volumes: [shared],
      book: { rules: [lab, attach("all", ["gold"])] },
    });
    assert.equal(saidOf(both("lab 2")), "rule labs");
    assert.deepEqual(saidOf(both("shop")), ["default by tag s1 with s1", "gold by rule all with s2"]);
  });

  it("by a rule come before a catch-all", () => {
    const labs = exclude("labs", {
      match: { kind: "text", field: "project.name", test: { by: "equals", anyOf: ["lab", "playground"] } },
    });
    const inProject = (name: string): Given => ({
      book: { rules: [attach("all", ["gold"], { priority: 20 }), labs] },
      servers: [s1],
      projects: new Map([["p1", { id: "p1", name, domainId: "d1", domainName: null, tags: [] }]]),
    });
    assert.equal(saidOf(inProject("lab")), "rule labs");
    assert.deepEqual([...assign(inProject("lab")).excluded], [["v1", "rule labs"]]);
    assert.deepEqual(saidOf(inProject("shop")), ["default by tag s1 with s1", "gold by rule all with s1"]);
  });
});

describe("backup_policy", () => {
  const seenSince = (resourceId: string, value: string, days: number): AssignmentInput["overridesSeen"][number] => ({
    resourceId,
    key: "backup_policy",
    value,
    firstSeenAt: daysAgo(days),
  });

  it("adds at once, and stands in place of tag and rules when it has been seen for the delay", () => {
    const given: Given = {
      servers: [s1],
      volumes: [asking("gold, six")],
      book: { rules: [attach("all", ["silver"])] },
    };
    const asked = ["gold by backup_policy of v1 with s1", "six by backup_policy of v1 with s1"];
    assert.deepEqual(saidOf(given), ["default by tag s1 with s1", "silver by rule all with s1", ...asked]);
    const firm = { ...given, overridesSeen: [seenSince("v1", "gold, six", 7)] };
    assert.deepEqual(saidOf(firm), asked);
  });

  it("of a volume goes before its server's, and takes from that only when it is firm", () => {
    const server = untagged("s1", { volumeIds: ["v1"], metadata: { backup_policy: "silver" } });
    const given: Given = { servers: [server], volumes: [asking("gold"), aVolume("v2", { serverIds: ["s1"] })] };
    const [own, servers] = ["gold by backup_policy of v1 with s1", "silver by backup_policy of s1 with s1"];
    assert.deepEqual(saidOf(given), [own, servers]);
    assert.deepEqual(saidOf(given, "v2"), [servers]);
    const firmServer = [seenSince("s1", "silver", 7)];
    assert.deepEqual(saidOf({ ...given, overridesSeen: firmServer }), [own, servers]);
    assert.deepEqual(saidOf({ ...given, overridesSeen: [...firmServer, seenSince("v1", "gold", 7)] }), [own]);
  });

  it("is taken back only when that has been seen for the delay", () => {
    const given: Given = { servers: [s1], overridesSeen: [seenSince("v1", "gold", 20)] };
    assert.deepEqual(saidOf(given), ["default by tag s1 with s1", "gold by backup_policy of v1 with s1"]);
    const later = [...(given.overridesSeen ?? []), seenSince("v1", "", 7)];
    assert.deepEqual(saidOf({ ...given, overridesSeen: later }), ["default by tag s1 with s1"]);
    assert.deepEqual(assign({ ...given, overridesSeen: later }).overridesSeen, []);
  });

  it("with a name that there is not means what it was without, and is told", () => {
    const given: Given = { servers: [s1], volumes: [asking("golden")] };
    for (const overridesSeen of [[], [seenSince("v1", "golden", 30)]]) {
      assert.deepEqual(saidOf({ ...given, overridesSeen }), ["default by tag s1 with s1"]);
      assert.deepEqual(noticesOf(assign({ ...given, overridesSeen })), [
        "request_invalid v1 backup_policy: there is no policy golden",
      ]);
    }
    // What its server asks for still counts.
    const server = untagged("s1", { volumeIds: ["v1"], metadata: { backup_policy: "silver" } });
    assert.deepEqual(saidOf({ ...given, servers: [server] }), ["silver by backup_policy of s1 with s1"]);
  });
});

describe("the peers' keys", () => {
  const daily = { "x-snapsentry-managed": "true", "x-snapsentry-daily-enabled": "true" };

  it("of SnapSentry add policies, to attached volumes and to others", () => {
    const volumes = [aVolume("v1", { metadata: daily }), aVolume("v2", { metadata: daily })];
    const given: Given = { servers: [s1], volumes };
    assert.deepEqual(saidOf(given), ["default by tag s1 with s1", "snapsentry-daily by x-snapsentry of v1 with s1"]);
    assert.deepEqual(saidOf(given, "v2"), ["snapsentry-daily by x-snapsentry of v2 with nobody"]);
    assert.deepEqual(targetsOf(assign(given)), [
      "default: s1/v1",
      "snapsentry-daily: s1/v1",
      "snapsentry-daily: alone/v2",
    ]);
  });

  it("of Platform9 add policies and counts, never below the policy's own, and are not read while we write them", () => {
    const ask = (count: string): Volume =>
      aVolume("v1", { metadata: { auto_snapshot: "yes", snapshot_policies: "six", retention_six: count } });
    const lastOf = (given: Given): (number | undefined)[] =>
      [...assign(given).targets].flatMap(([{ thinning }, all]) => (all.length > 0 ? [thinning?.last] : []));
    assert.deepEqual(saidOf({ volumes: [ask("9")] }), ["six by snapshot_policies of v1 with nobody"]);
    assert.deepEqual(lastOf({ volumes: [ask("9")] }), [9]);
    assert.deepEqual(lastOf({ volumes: [ask("2")] }), [6]);
    assert.deepEqual(lastOf({ volumes: [ask("-1")] }), [6]);
    assert.deepEqual(
      ["9", "6", "2"].map((count) => noticesOf(assign({ volumes: [ask(count)] }))),
      [[], [], ["request_bounded v1 retention_six: 2, at least 6"]],
    );
    assert.deepEqual(saidOf({ volumes: [ask("9")], readsPlatform9: false }), []);
    const unknown = aVolume("v1", { metadata: { auto_snapshot: "yes", snapshot_policies: "seven" } });
    assert.deepEqual(noticesOf(assign({ volumes: [unknown] })), [
      "request_invalid v1 snapshot_policies: there is no policy seven",
    ]);
  });

  it("are remembered, and their end is told once", () => {
    const first = assign({ volumes: [aVolume("v1", { metadata: daily })] });
    const row = { resourceId: "v1", key: "x-snapsentry", value: "snapsentry-daily", firstSeenAt: now };
    const keeps = { ...row, key: "keeps@x-snapsentry@snapsentry-daily", value: "2d,last=0" };
    assert.deepEqual([first.overridesSeen, first.notices], [[row, keeps], []]);
    const later = [row, keeps].map((each) => ({ ...each, firstSeenAt: daysAgo(3) }));
    const again = assign({ volumes: [aVolume("v1", { metadata: daily })], overridesSeen: later });
    assert.deepEqual(again.overridesSeen, later);
    const ended = assign({ overridesSeen: first.overridesSeen });
    // How much they asked for is remembered as long as less would have to wait.
    assert.deepEqual(
      [ended.overridesSeen, noticesOf(ended)],
      [[keeps, { ...keeps, value: "" }], ["protection_ended v1 snapsentry-daily"]],
    );
    assert.deepEqual(assign({ overridesSeen: ended.overridesSeen }).notices, []);
  });

  it("count for less only when that has been seen for the delay, and equal ones are planned together", () => {
    const keeping = (id: string, days: string, type = "time"): Volume =>
      aVolume(id, {
        metadata: {
          ...daily,
          "x-snapsentry-daily-retention-days": days,
          "x-snapsentry-daily-retention-type": type,
        },
      });
    const keptOf = (assigned: Assignment): string[] =>
      [...assigned.targets].flatMap(([{ retentionMs, thinning }, all]) => {
        const ids = all.flatMap(({ volumeIds }) => volumeIds);
        return ids.length === 0 ? [] : `${retentionMs / dayMs} days, ${thinning?.last ?? 0}: ${ids.join(" ")}`;
      });
    const volumes = [keeping("v1", "9", "count"), keeping("v2", "9", "count"), keeping("v3", "9", "count")];
    const before = assign({ volumes, now: daysAgo(8) });
    assert.deepEqual(keptOf(before), ["9 days, 9: v1 v2 v3"]);
    const changed = [keeping("v1", "1"), keeping("v2", "9", "count"), keeping("v3", "20")];
    const after = assign({ volumes: changed, now: daysAgo(7), overridesSeen: before.overridesSeen });
    assert.deepEqual(keptOf(after), ["9 days, 9: v1 v2", "20 days, 9: v3"]);
    const waits = (id: string): string =>
      `request_waits ${id} x-snapsentry: less for snapsentry-daily counts from ${now.toISOString()}`;
    assert.deepEqual(noticesOf(after), [waits("v1"), waits("v3")]);
    const firm = assign({ volumes: changed, overridesSeen: after.overridesSeen });
    assert.deepEqual(keptOf(firm), ["1 days, 0: v1", "9 days, 9: v2", "20 days, 0: v3"]);
    assert.deepEqual(noticesOf(firm), []);
  });

  it("of Platform9 raised above the policy's count and lowered again wait, too", () => {
    const ask = (count: string | null): Volume =>
      aVolume("v1", {
        metadata: {
          auto_snapshot: "yes",
          snapshot_policies: "six",
          ...(count === null ? {} : { retention_six: count }),
        },
      });
    const lastOf = (assigned: Assignment): (number | undefined)[] =>
      [...assigned.targets].flatMap(([{ thinning }, all]) => (all.length > 0 ? [thinning?.last] : []));
    const raised = assign({ volumes: [ask("9")], now: daysAgo(8) });
    assert.deepEqual(lastOf(raised), [9]);
    for (const count of ["7", "2", "-1", "", null]) {
      const lowered = assign({ volumes: [ask(count)], now: daysAgo(7), overridesSeen: raised.overridesSeen });
      assert.deepEqual(lastOf(lowered), [9]);
      const firm = assign({ volumes: [ask(count)], overridesSeen: lowered.overridesSeen });
      assert.deepEqual(lastOf(firm), [count === "7" ? 7 : 6]);
    }
  });
});

describe("volumes of several servers and projects", () => {
  it("are looked at with each tagged server, and protected by rules with the first of their own project", () => {
    const given: Given = {
      servers: [aServer("s2"), aServer("s1"), untagged("s0")],
      volumes: [aVolume("v1", { serverIds: ["s2", "s1", "s0"] })],
    };
    assert.deepEqual(targetsOf(assign(given)), ["default: s1/v1", "default: s2/v1"]);
    assert.deepEqual(targetsOf(assign({ ...given, book: { rules: [attach("all", ["gold"])] } })), [
      "default: s1/v1",
      "default: s2/v1",
      "gold: s0/v1",
    ]);
  });

  it("of another project than the tagged server's are told with that, and protected by what their own owners ask for", () => {
    const foreign = (metadata: Volume["metadata"]): Given => ({
      servers: [s1],
      volumes: [aVolume("v1", { projectId: "p2", metadata })],
    });
    assert.deepEqual(targetsOf(assign(foreign({}))), ["default: s1/v1"]);
    assert.deepEqual(targetsOf(assign(foreign({ backup_policy: "gold" }))), ["default: s1/v1", "gold: alone/v1"]);
    // The same policy as the tag's: the owner's own request is what protects.
    assert.deepEqual(targetsOf(assign(foreign({ backup_policy: "default" }))), ["default: alone/v1"]);
  });
});

describe("any cloud", () => {
  const metadata = fc.dictionary(
    fc.constantFrom(
      "backup",
      "backup_policy",
      "auto_snapshot",
      "snapshot_policies",
      "retention_six",
      "x-snapsentry-managed",
      "x-snapsentry-daily-enabled",
    ),
    fc.constantFrom("yes", "true", "gold", "six,silver", "nonsense", "9", ""),
    { maxKeys: 4 },
  );
  const ids = (prefix: string, count: number): readonly string[] =>
    Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  const projects = fc.constantFrom("p1", "p2");
  const cloud = fc
    .record({
      servers: fc.tuple(...ids("s", 3).map((id) => fc.record({ id: fc.constant(id), projectId: projects, metadata }))),
      volumes: fc.tuple(
        ...ids("v", 4).map((id) =>
          fc.record({ id: fc.constant(id), projectId: projects, metadata, serverIds: fc.subarray([...ids("s", 3)]) }),
        ),
      ),
      excluded: fc.subarray([...ids("v", 4)], { maxLength: 1 }),
      rules: fc.boolean(),
    })
    .map(({ servers, volumes, excluded, rules }): Given => ({
      servers: servers.map((server) => aServer(server.id, server)),
      volumes: volumes.map((volume) => aVolume(volume.id, volume)),
      book: {
        rules: rules
          ? [
              exclude("p2", { match: { kind: "text", field: "project.id", test: { by: "equals", anyOf: ["p2"] } } }),
              attach("all", ["gold", "six"]),
            ]
          : [],
        exclusions: excluded.map((id) => ({ scope: "volume", id, reason: "scratch", until: null })),
      },
    }));

  const comparable = (assigned: Assignment): unknown => ({
    targets: targetsOf(assigned).sort(),
    excluded: [...assigned.excluded].sort(),
    notices: noticesOf(assigned).sort(),
    seen: assigned.overridesSeen.map((row) => JSON.stringify(row)).sort(),
  });

  it("has the same result in whatever order it is listed", () => {
    fc.assert(
      fc.property(cloud, (given) => {
        const reversed = {
          ...given,
          servers: given.servers?.toReversed() ?? [],
          volumes: (given.volumes ?? []).toReversed().map((v) => ({ ...v, serverIds: v.serverIds.toReversed() })),
        };
        assert.deepEqual(comparable(assign(reversed)), comparable(assign(given)));
      }),
    );
  });

  it("protects a volume by each policy with one server, or with each that is tagged, and an excluded one by none", () => {
    fc.assert(
      fc.property(cloud, (given) => {
        const assigned = assign(given);
        for (const { id } of given.volumes ?? []) {
          const said = saidOf(given, id);
          const all = [...assigned.targets].flatMap(([{ name }, targets]) =>
            targets.flatMap(({ volumeIds }) => (volumeIds.includes(id) ? [name] : [])),
          );
          if (typeof said === "string") assert.deepEqual(all, []);
          else {
            assert.deepEqual(new Set(all), new Set(said.map((text) => text.split(" ")[0])));
            assert.equal(new Set(said.map((text) => text.split(" ")[0])).size, said.length);
            const others = all.filter((name) => name !== "default");
            assert.equal(new Set(others).size, others.length);
          }
        }
      }),
    );
  });

  it("is never protected by less for what tenants write now: only by more", () => {
    fc.assert(
      fc.property(cloud, fc.constantFrom("gold", "silver,six", "nonsense", ""), (given, value) => {
        const asked: Given = {
          ...given,
          servers: given.servers?.map((s) => ({ ...s, metadata: { ...s.metadata, backup_policy: value } })) ?? [],
          volumes: given.volumes?.map((v) => ({ ...v, metadata: { ...v.metadata, backup_policy: value } })) ?? [],
        };
        const before = assign(given);
        const after = assign({ ...asked, overridesSeen: before.overridesSeen });
        const names = (assigned: Assignment): Set<string> =>
          new Set(
            [...assigned.targets].flatMap(([{ name }, targets]) =>
              targets.flatMap(({ volumeIds }) => volumeIds.map((id) => `${id} ${name}`)),
            ),
          );
        assert.deepEqual([...names(before).difference(names(after))], []);
      }),
    );
  });
});
