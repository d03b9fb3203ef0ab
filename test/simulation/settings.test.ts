import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { conductorSettings } from "../../src/cli/open-conductor.ts";
import { settingsFrom } from "../../src/config/load.ts";
import type { Listing } from "../../src/audit/listing.ts";
import { auditNight, dayMs, hourMs, startNight, type Night } from "./support/night.ts";

/** What is left in Cinder after some nights with a configuration, a line for each backup: volume, container, mode, age promised. */
async function after(
  t: TestContext,
  values: Readonly<Record<string, unknown>>,
  { nights = 1, everyMs = dayMs }: { nights?: number; everyMs?: number } = {},
): Promise<{ names: string[]; modes: string; containers: (string | null)[]; promisedDays: number[]; count: number }> {
  const night: Night = await startNight({ settings: conductorSettings(settingsFrom({ ...base, ...values })) });
  t.after(() => night.close());
  const cloud = night.simulator.seedCloud({ projects: 1, servers: 2, volumesPerServer: 2 });
  const [first, second] = cloud.servers;
  first!.metadata = { backup: "yes", gold: "1" };
  second!.metadata = { backup: "on" };
  cloud.volumes[1]!.metadata = { "skip-volume-backup": "true", "leave-me": "1" };
  let seen: Listing | undefined;
  for (let i = 0; i < nights; i += 1) {
    await night.once();
    // Without a restore point nothing proves the reader's rights.
    if (night.simulator.state.backups.size > 0) seen = await auditNight(night, seen);
    night.clock.advance(everyMs);
  }
  const left = night.simulator.state.backups.values().toSorted((a, b) => a.createdAtMs - b.createdAtMs);
  const promised = (metadata: Readonly<Record<string, string>>): number =>
    (Date.parse(metadata["dirigent:keep-until"] ?? "") - Date.parse(metadata["dirigent:slot"] ?? "")) / dayMs;
  return {
    names: left.map(({ volumeId }) => `v${cloud.volumes.findIndex(({ id }) => id === volumeId)}`),
    modes: left.map(({ parentId }) => (parentId === null ? "F" : "i")).join(""),
    containers: [...new Set(left.map(({ container }) => (container?.includes("/") === true ? null : container)))],
    promisedDays: [...new Set(left.map(({ metadata }) => promised(metadata)))],
    count: left.length,
  };
}

const base = { conductor: { poll_interval: "15s" } };

describe("each setting of Staffeln changes what happens", () => {
  it("as it comes: every volume of a tagged server but the one to be skipped, once, for 17 days", async (t) => {
    assert.deepEqual(await after(t, {}), {
      names: ["v0"],
      modes: "F",
      containers: [null],
      promisedDays: [17],
      count: 1,
    });
  });

  it("backup period", async (t) => {
    const twice = { nights: 2, everyMs: 6 * hourMs };
    assert.equal((await after(t, {}, twice)).count, 1);
    assert.equal((await after(t, { policy: { period: "6h" } }, twice)).count, 2);
  });

  it("volume filtering tag, key and values", async (t) => {
    assert.deepEqual((await after(t, { selection: { tag_values: ["ON"] } })).names.sort(), ["v2", "v3"]);
    assert.deepEqual((await after(t, { selection: { tag_key: "gold", tag_values: ["1"] } })).names, ["v0"]);
    assert.deepEqual((await after(t, { selection: { tag_key: "silver" } })).names, []);
  });

  it("volume skip filter metadata tag", async (t) => {
    assert.deepEqual((await after(t, { selection: { skip_key: "another" } })).names.sort(), ["v0", "v1"]);
  });

  it("volume limit number", async (t) => {
    const all = { tag_values: ["yes", "on"] };
    assert.equal((await after(t, { selection: all })).count, 3);
    assert.equal((await after(t, { selection: { ...all, volumes_per_project: 2 } })).count, 2);
  });

  it("retention time", async (t) => {
    const week = { nights: 8 };
    const policy = { full_every: 1, minimum_retention: "1d" };
    assert.equal((await after(t, { policy }, week)).count, 8);
    const short = await after(t, { policy: { ...policy, retention: "2d" } }, week);
    assert.deepEqual([short.count, short.promisedDays], [2, [2]]);
  });

  it("archival rules", async (t) => {
    const archive = { every: 2, container: "vault", retention: "1y" };
    const { containers, promisedDays } = await after(t, { policy: { full_every: 1, archive } }, { nights: 2 });
    assert.deepEqual(
      [containers, promisedDays],
      [
        [null, "vault"],
        [17, 365],
      ],
    );
  });

  it("container, and incrementals between fulls", async (t) => {
    const { containers, modes } = await after(
      t,
      { backup: { container: "daily" }, policy: { full_every: 1 } },
      { nights: 3 },
    );
    assert.deepEqual([containers, modes], [["daily"], "FFF"]);
    assert.match((await after(t, { policy: { full_every: 30 } }, { nights: 3 })).modes, /i/);
  });
});
