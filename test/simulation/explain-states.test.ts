import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openCommandCloud, type CommandCloud } from "./support/command-cloud.ts";

const policies = `
policies:
  silver: {mechanism: snapshot, schedule: {daily: "02:00"}, window: 1h, retention: {last: 3}, catch_up: skip}
rules:
  - {name: all, match: {volume: {name: {prefix: db-}}}, policies: [default, silver]}
`;

interface Explained {
  readonly policies: readonly {
    readonly policy: string;
    readonly current: readonly { readonly state: string; readonly reason: string | null }[];
  }[];
  readonly points: readonly {
    readonly id: string;
    readonly kind: string;
    readonly reason: string;
    readonly adopted: boolean;
    readonly duplicateOf: string | null;
  }[];
  readonly notices: readonly { readonly reason: string }[];
}

void describe("dirigent explain, of states", () => {
  const directory = mkdtempSync(join(tmpdir(), "dirigent-explain-"));
  const files: Record<string, string> = {
    "/etc/dirigent/dirigent.yaml": JSON.stringify({
      database: { url: `sqlite:${join(directory, "state.db")}` },
      policies: { file: "/policies.yaml" },
    }),
    "/policies.yaml": policies,
  };
  let cloud: CommandCloud;
  let projectId: string;
  before(async () => {
    cloud = await openCommandCloud("2026-11-21T12:00:00Z", files);
    projectId = cloud.simulator.seed.project({ name: "shop" }).id;
  });
  after(async () => {
    await cloud.close();
    rmSync(directory, { recursive: true });
  });
  const explain = async (name: string): Promise<Explained> => {
    const { exitCode, stdout, stderr } = await cloud.run("explain", name, "--json");
    assert.equal(exitCode, 0, stderr);
    const [volume] = (JSON.parse(stdout) as { readonly volumes: readonly Explained[] }).volumes;
    assert.ok(volume !== undefined);
    return volume;
  };
  const statesOf = ({ policies: of }: Explained) =>
    of.flatMap(({ policy, current }) => current.map(({ state, reason }) => [policy, state, reason]));
  const words = async (name: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await cloud.run("explain", name);
    assert.equal(exitCode, 0, stderr);
    return stdout;
  };

  void it("a slot whose window has passed is missed", async () => {
    cloud.simulator.seed.volume({ projectId, name: "db-1" });
    assert.deepEqual(statesOf(await explain("db-1")), [
      ["default", "due", null],
      ["silver", "missed", "window_missed"],
    ]);
    assert.match(await words("db-1"), /slot 2026-11-21 02:00 missed: the window had passed/);
  });

  void it("a backup that does not end is running, and what comes after it waits", async () => {
    cloud.simulator.faults.addBackupRule({ match: () => true, times: 1, outcome: { kind: "hang" } });
    await cloud.run("conductor", "--once");
    assert.deepEqual(statesOf(await explain("db-1")), [
      ["default", "running", "stuck"],
      ["silver", "missed", "window_missed"],
    ]);
    assert.match(await words("db-1"), /slot 2026-11-21 00:00 running, planned 2026-11-21 12:/);
    cloud.clock.advance(Date.parse("2026-11-22T02:30:00Z") - Number(cloud.clock.now()));
    assert.deepEqual(statesOf(await explain("db-1")), [
      ["default", "waiting", "still_running"],
      ["silver", "waiting", "still_running"],
    ]);
    assert.match(
      await words("db-1"),
      /slot 2026-11-22 02:00 waiting: an earlier backup of the volume has not ended: job\n/,
    );
  });

  void it("an adopted one, and a second one with the same key, are told as such", async () => {
    const { seed, state } = cloud.simulator;
    const volume = seed.volume({ projectId, name: "db-2" });
    const theirs = seed.backup({ volumeId: volume.id, userId: "tenant" });
    assert.equal((await cloud.run("adopt", "--id", theirs.id, "--yes")).exitCode, 0);
    await cloud.run("conductor", "--once");
    const made = [...state.backups.values()].find(({ volumeId, id }) => volumeId === volume.id && id !== theirs.id);
    assert.ok(made !== undefined);
    const { userId, metadata, name } = made;
    const twin = seed.backup({ volumeId: volume.id, userId, metadata, name, createdAtMs: made.createdAtMs + 60_000 });
    const said = await explain("db-2");
    const backups = said.points.filter(({ kind }) => kind !== "snapshot");
    assert.deepEqual(
      backups.map(({ id, adopted, duplicateOf, reason }) => [id, adopted, duplicateOf, reason]),
      [
        [theirs.id, true, null, "keep_adopted"],
        [made.id, false, null, "keep_age"],
        [twin.id, false, made.id, "keep_age"],
      ],
    );
    assert.deepEqual(
      said.notices.map(({ reason }) => reason),
      ["duplicate"],
    );
    const text = await words("db-2");
    assert.match(text, /kept: adopted without a retention \(adopted\)\n/);
    assert.match(text, new RegExp(`\\(a duplicate of\\s+${made.id}\\)`));
  });
});
