import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { readPolicyBook } from "../../src/config/policies/read-book.ts";
import type { PolicyBook } from "../../src/domain/policy-book.ts";
import { openStore } from "../../src/store/open.ts";
import { directIo } from "../../src/domain/io.ts";
import { dayMs, hourMs, settings, startNight } from "./support/night.ts";

const policy = { ...settings.policy, minimumRetentionMs: dayMs, fullEvery: 1 };

const book: PolicyBook = readPolicyBook(
  {
    policies: {
      path: "/policies.yaml",
      text: `
policies:
  gold: {mechanism: snapshot, schedule: {daily: "00:00"}, retention: {age: 5d}}
  weak: {mechanism: snapshot, schedule: {daily: "00:00"}, retention: {age: 1d}}
  six: {mechanism: snapshot, schedule: {daily: "00:00"}, retention: {last: 3}}
`,
    },
    rules: null,
  },
  { timeZone: "UTC", container: null, builtIn: policy },
);

type Metadata = Readonly<Record<string, string>>;

/** A server and its volume, as their owner has them for the first nights. */
interface Setup {
  readonly server: Metadata;
  readonly volume: Metadata;
}

const snapSentry = (kind: string, fields: Metadata): Metadata => ({
  "x-snapsentry-managed": "true",
  [`x-snapsentry-${kind}-enabled`]: "true",
  ...Object.fromEntries(Object.entries(fields).map(([key, value]) => [`x-snapsentry-${kind}-${key}`, value])),
});
const kept = { "retention-days": "4", "retention-type": "count", timezone: "UTC" };

const setups = {
  tagged: { server: { backup: "yes" }, volume: {} },
  "tagged, longer by the server": { server: { backup: "yes", backup_retention: "5d" }, volume: {} },
  "tagged, longer by the volume": { server: { backup: "yes" }, volume: { backup_retention: "5d" } },
  "asked for by the server": { server: { backup_policy: "gold" }, volume: {} },
  "asked for by the volume": { server: {}, volume: { backup_policy: "gold" } },
  daily: { server: {}, volume: snapSentry("daily", { ...kept, "start-time": "00:00" }) },
  platform9: { server: {}, volume: { auto_snapshot: "yes", snapshot_policies: "six", retention_six: "5" } },
  "platform9, other keys": { server: {}, volume: { auto_snapshot: "yes", snapshot_policy: "six", retention: "5" } },
  "platform9, alternate": {
    server: {},
    volume: { auto_snapshot: "yes", snapshot_policies: "six", snapshot_retention_six: "5" },
  },
} as const satisfies Record<string, Setup>;

/** What its owner may write, by what the key says now; `null` takes the key away. */
const valuesFor = (now: string): readonly (string | null)[] => {
  if (/^\d+d?$/.test(now)) return now.endsWith("d") ? ["1d", "-1", null] : ["1", "0", "junk"];
  return ["yes", "true"].includes(now) ? ["false"] : ["weak"];
};

interface Attempt {
  readonly name: string;
  readonly setup: keyof typeof setups;
  readonly on: "server" | "volume";
  readonly change: Readonly<Record<string, string | null>>;
}

const attempts: readonly Attempt[] = Object.entries(setups).flatMap(([name, { server, volume }]) => {
  const setup = name as keyof typeof setups;
  const attempt = (on: "server" | "volume", change: Attempt["change"]): Attempt => ({
    setup,
    on,
    change,
    name: `${setup}, ${on}: ${JSON.stringify(change)}`,
  });
  const eachOf = (on: "server" | "volume", metadata: Metadata): Attempt[] =>
    Object.entries(metadata).flatMap(([key, now]) => valuesFor(now).map((value) => attempt(on, { [key]: value })));
  return [
    ...eachOf("server", server),
    ...eachOf("volume", volume),
    attempt("volume", { "skip-volume-backup": "true", backup_retention: "1d" }),
    attempt("server", { backup_policy: "weak", backup_retention: "0" }),
    attempt("volume", Object.fromEntries(Object.keys(volume).map((key) => [key, null]))),
  ];
});

const changedOn = 2;
const lastNight = 9;

/** On which night each point of the first nights was gone, by volume; `Infinity` for what never was. */
async function live(t: TestContext, { forgetful }: { readonly forgetful: boolean }): Promise<void> {
  // The first of a month, and a Sunday.
  const night = await startNight({ start: "2026-11-01T00:00:05Z", settings: { policy } });
  t.after(() => night.close());
  const { seed, state } = night.simulator;
  const settle = async (): Promise<void> => {
    const repository = forgetful ? await openStore("sqlite::memory:", { io: directIo }) : night.repository;
    const { outcome } = await night.once({ repository, policyBook: () => book });
    assert.equal(outcome, "ok");
    if (forgetful) await repository.close();
  };
  const put = (name: keyof typeof setups): { readonly server: string; readonly volume: string } => {
    const { id: projectId } = seed.project({ name: "tenant" });
    const server = seed.server({ projectId, name: "vm", metadata: { ...setups[name].server } });
    const volume = seed.volume({ projectId, serverId: server.id, metadata: { ...setups[name].volume } });
    return { server: server.id, volume: volume.id };
  };
  const twins = new Map(Object.keys(setups).map((name) => [name, put(name as keyof typeof setups)]));
  const tried = attempts.map((attempt) => ({ attempt, ...put(attempt.setup) }));

  /** By volume, policy and slot. */
  const keyOf = (point: { readonly volumeId: string; readonly metadata: Metadata }): string =>
    `${point.volumeId} ${point.metadata["dirigent:policy"] ?? ""} ${point.metadata["dirigent:slot"] ?? ""}`;
  const startedAt = Number(night.clock.now());
  const goneOn = new Map<string, number>();
  for (let n = 0; n < lastNight; n++) {
    if (n === changedOn) for (const each of tried) weaken(each);
    await settle();
    const living = new Set([...state.backups.values(), ...state.snapshots.values()].map(keyOf));
    if (n < changedOn) for (const key of living) if (!goneOn.has(key)) goneOn.set(key, Infinity);
    for (const [key, night] of goneOn) if (night === Infinity && !living.has(key)) goneOn.set(key, n);
    // Later each night: what is a matter of seconds must not differ between twins.
    night.clock.advance(startedAt + (n + 1) * (dayMs + hourMs) - Number(night.clock.now()));
  }

  function weaken({ attempt, server, volume }: (typeof tried)[number]): void {
    const resource = attempt.on === "server" ? state.servers.get(server) : state.volumes.get(volume);
    assert.ok(resource !== undefined);
    const all = { ...resource.metadata, ...attempt.change };
    resource.metadata = Object.fromEntries(
      Object.entries(all).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
    );
  }

  const pointsOf = (volume: string): ReadonlyMap<string, number> =>
    new Map(
      [...goneOn].flatMap(([key, n]) => (key.startsWith(volume) ? [[key.slice(volume.length), n] as const] : [])),
    );
  const expected = new Map([...twins].map(([name, { volume }]) => [name, pointsOf(volume)]));
  for (const [name, points] of expected) assert.ok(points.size > 0, name);
  // Else it would prove nothing.
  const gone = [...expected]
    .filter(([, points]) => [...points.values()].some((n) => n < Infinity))
    .map(([name]) => name);
  assert.deepEqual(gone, Object.keys(setups));
  const early = tried.flatMap(({ attempt, volume }) => {
    const points = pointsOf(volume);
    const twin = expected.get(attempt.setup) ?? new Map<string, number>();
    assert.deepEqual([...points.keys()].sort(), [...twin.keys()].sort(), attempt.name);
    return [...twin].flatMap(([key, n]) => {
      const own = points.get(key) ?? -1;
      return own < n ? [`${attempt.name}:${key} goes in night ${own}, not ${n}`] : [];
    });
  });
  assert.deepEqual(early, []);
}

describe("whatever a tenant writes after the first nights, nothing goes earlier than that of an untouched twin", () => {
  it("with the database", (t) => live(t, { forgetful: false }));
  it("with the database lost before every night", (t) => live(t, { forgetful: true }));
});
