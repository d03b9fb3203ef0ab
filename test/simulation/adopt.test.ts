import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { writeCatalogueFile } from "../../src/conductor/catalogue-file.ts";
import { directIo } from "../../src/domain/io.ts";
import { silentLogger } from "../../src/domain/log.ts";
import { openStore } from "../../src/store/open.ts";
import type { Backup, Snapshot, Volume } from "../../src/simulator/records.ts";
import { openCommandCloud, type CommandCloud } from "./support/command-cloud.ts";

const peer = "5eed00000000000000000000000000aa";
const tenant = "5eed00000000000000000000000000bb";

const none = "0f000000-0000-4000-8000-000000000000";

interface Stage extends CommandCloud {
  /** Of the database. */
  readonly directory: string;
  readonly files: Record<string, string>;
  readonly volume: Volume;
  readonly snapshot: (wanted: Partial<Snapshot>) => Snapshot;
  readonly metadataOf: (snapshot: Snapshot) => Readonly<Record<string, string>> | undefined;
}

async function start(t: TestContext): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), "dirigent-adopt-"));
  const files: Record<string, string> = {
    "/etc/dirigent/dirigent.yaml": JSON.stringify({ database: { url: `sqlite:${join(directory, "state.db")}` } }),
  };
  const cloud = await openCommandCloud("2026-11-21T12:00:00Z", files);
  t.after(async () => {
    await cloud.close();
    await rm(directory, { recursive: true });
  });
  const { seed } = cloud.simulator;
  const project = seed.project({ name: "tenant" });
  const volume = seed.volume({ projectId: project.id });
  const { id: volumeId } = volume;
  return {
    ...cloud,
    directory,
    files,
    volume,
    snapshot: (wanted) => seed.snapshot({ volumeId, createdAtMs: Date.parse("2026-11-20T08:03:00Z"), ...wanted }),
    metadataOf: ({ id }) => cloud.simulator.state.snapshots.get(id)?.metadata,
  };
}

const snapSentry = (volume: Volume): Partial<Snapshot> => ({
  userId: peer,
  name: `managed-daily-${volume.id}-2026-11-20T08:00:00Z`,
  metadata: {
    "x-snapsentry-managed": "true",
    "x-snapsentry-snapshot-policy-type": "daily",
    "x-snapsentry-snapshot-expiry-date": "2026-11-22T08:00:00Z",
    "x-snapsentry-snapshot-retention-days": "2",
  },
});

void describe("dirigent adopt", () => {
  void it("shows first and writes nothing, then takes over what the named user made, and not what carries forged marks", async (t) => {
    const stage = await start(t);
    const { metadataOf, run, snapshot, volume } = stage;
    const subscribed = await run("subscribe", "daily", "--start-time", "08:00", "--volume-id", volume.id);
    assert.equal(subscribed.exitCode, 0, subscribed.stderr);
    const theirs = snapshot(snapSentry(volume));
    const forged = snapshot({ ...snapSentry(volume), userId: tenant });
    const before = { ...metadataOf(theirs) };
    const argv = ["adopt", "--from", "snapsentry", "--created-by", peer, "--with-retention"];
    const shown = await run(...argv, "--json");
    assert.equal(shown.exitCode, 0, shown.stderr);
    assert.deepEqual(JSON.parse(shown.stdout), {
      written: false,
      adopt: [
        {
          id: theirs.id,
          mechanism: "snapshot",
          volumeId: volume.id,
          projectId: volume.projectId,
          createdAt: "2026-11-20T08:03:00.000Z",
          createdBy: peer,
          parentId: null,
          peer: "snapsentry",
          policy: "snapsentry-daily",
          slot: "2026-11-20T08:00:00Z",
          keepUntil: "2026-11-22T08:00:00.000Z",
          retention: null,
        },
      ],
      refused: [{ id: forged.id, mechanism: "snapshot", reason: "other_creator", message: tenant }],
    });
    assert.deepEqual(metadataOf(theirs), before);

    const done = await run(...argv, "--yes");
    assert.equal(done.exitCode, 0, done.stderr);
    assert.deepEqual(metadataOf(theirs), {
      ...before,
      __automated_backup: "True",
      "dirigent:adopted": "2026-11-21T12:00:00Z",
      "dirigent:keep-until": "2026-11-22T08:00:00Z",
      "dirigent:key": `${volume.id}/snapsentry-daily/2026-11-20T08:00:00Z/snapshot`,
      "dirigent:policy": "snapsentry-daily",
      "dirigent:slot": "2026-11-20T08:00:00Z",
    });
    assert.deepEqual(
      Object.keys(metadataOf(forged) ?? {}).filter((key) => key.startsWith("dirigent:")),
      [],
    );

    const again = await run(...argv, "--yes", "--json");
    assert.equal(again.exitCode, 0, again.stderr);
    const { adopt, refused } = JSON.parse(again.stdout) as { adopt: unknown[]; refused: { reason: string }[] };
    assert.deepEqual([adopt, refused.map(({ reason }) => reason).sort()], [[], ["already_ours", "other_creator"]]);
  });

  void it("takes hand-made ones by id, keeps them until a retention is set, and says of each what became of it", async (t) => {
    const { metadataOf, run, snapshot, volume } = await start(t);
    const mine = snapshot({ userId: tenant, metadata: { mine: "stays" } });
    const broken = snapshot({ userId: tenant, status: "error" });
    const ran = await run("adopt", "--id", mine.id, broken.id, none, "--yes", "--json");
    assert.equal(ran.exitCode, 3, ran.stderr);
    const { lines } = JSON.parse(ran.stdout) as { lines: { backupId: string; outcome: string; reason: string }[] };
    assert.deepEqual(
      lines.map(({ backupId, outcome, reason }) => [backupId, outcome, reason]),
      [
        [broken.id, "refused", "not_finished"],
        [mine.id, "done", "taken_over"],
        [none, "refused", "no_such_point"],
      ],
    );
    assert.deepEqual(metadataOf(mine), {
      mine: "stays",
      __automated_backup: "True",
      "dirigent:adopted": "2026-11-21T12:00:00Z",
      "dirigent:key": `${volume.id}/adopted/manual:adopted-${mine.id}/snapshot`,
      "dirigent:policy": "adopted",
      "dirigent:slot": `manual:adopted-${mine.id}`,
    });
    const audit = await run("audit", "--adopted", mine.id);
    assert.equal(audit.exitCode, 0, audit.stdout + audit.stderr);
    // Disowned it is nobody's again.
    const disowned = await run("disown", "--snapshot", mine.id);
    assert.deepEqual([disowned.exitCode, metadataOf(mine)], [0, { mine: "stays" }], disowned.stdout);
  });

  void it("believes nobody's marks without a creator", async (t) => {
    const { run } = await start(t);
    const ran = await run("adopt", "--from", "platform9");
    assert.equal(ran.exitCode, 2);
    assert.match(ran.stderr, /--from platform9 needs --created-by/);
  });

  void it("says what is wrong with ids, and with a file of them", async (t) => {
    const { files, run } = await start(t);
    files["/bad.txt"] = `${none}\nNULL\n`;
    files["/empty.txt"] = "\n";
    const said = [];
    for (const argv of [
      [],
      ["--id", "web-1"],
      ...["/bad.txt", "/empty.txt", "/no.txt"].map((f) => ["--ids-from", f]),
    ]) {
      const { exitCode, stderr } = await run("adopt", ...argv);
      said.push([exitCode, stderr.trimEnd()]);
    }
    assert.deepEqual(said, [
      [2, "dirigent: name backups or snapshots with --id or --ids-from, or a tool with --from"],
      [2, 'dirigent: --id: "web-1" is not the id of a backup or snapshot, which is a UUID'],
      [2, 'dirigent: --ids-from /bad.txt: "NULL" is not the id of a backup or snapshot, which is a UUID'],
      [2, "dirigent: --ids-from: there is no id in /empty.txt"],
      [2, "dirigent: --ids-from: there is no file /no.txt"],
    ]);
  });
});

/** A volume that the conductor protects, and what Staffeln has made of it: two chains, long expired. */
async function afterStaffeln(t: TestContext) {
  const stage = await start(t);
  const { simulator } = stage;
  const { projectId } = stage.volume;
  const server = simulator.seed.server({ projectId, name: "web-1", metadata: { backup: "yes" } });
  const volume = simulator.seed.volume({ projectId, name: "data", serverId: server.id });
  const made = (day: number, parentId: string | null): Backup =>
    simulator.seed.backup({
      volumeId: volume.id,
      userId: peer,
      parentId,
      name: `web-1_${volume.id}_${Date.parse(`2026-10-0${day}T01:00:00Z`) / 1000}`,
      metadata: { mine: "stays" },
      createdAtMs: Date.parse(`2026-10-0${day}T01:00:00Z`),
    });
  const first = made(1, null);
  const second = made(2, first.id);
  const third = made(3, second.id);
  const fourth = made(4, null);
  const chains = [first, second, third, fourth];
  const left = (): string[] => chains.filter(({ id }) => simulator.state.backups.has(id)).map(({ id }) => id);
  const adopt = async (...argv: string[]) => {
    const ran = await stage.run("adopt", ...argv, "--json");
    const value = JSON.parse(ran.stdout) as Adopted;
    return { ...value, exitCode: ran.exitCode, stderr: ran.stderr };
  };
  const night = async (): Promise<readonly string[]> => {
    simulator.log.clear();
    const ran = await stage.run("conductor", "--once", "--json");
    assert.equal(ran.exitCode, 0, ran.stdout + ran.stderr);
    return simulator.log.entries.flatMap(({ method, path }) =>
      method === "DELETE" ? [path.slice(path.lastIndexOf("/") + 1)] : [],
    );
  };
  const metadata = () => chains.map(({ id }) => ({ ...simulator.state.backups.get(id)?.metadata }));
  return { ...stage, server, volume, chains, left, adopt, night, metadata };
}

interface Adopted {
  readonly adopt: readonly { readonly id: string; readonly parentId: string | null; readonly peer: string | null }[];
  readonly refused: readonly { readonly id: string; readonly reason: string; readonly message: string | null }[];
  readonly lines: readonly { readonly backupId: string; readonly outcome: string; readonly reason: string }[];
}

void describe("dirigent adopt, backups", () => {
  void it("takes no incremental without what it is built on, and names that", async (t) => {
    const { adopt, chains, metadata } = await afterStaffeln(t);
    const [first, second, third] = chains as [Backup, Backup, Backup];
    const before = metadata();
    const shown = await adopt("--id", third.id, second.id);
    assert.deepEqual(
      [shown.adopt, shown.refused],
      [
        [],
        [second, third].map(({ id }) => ({ id, mechanism: "backup", reason: "parent_not_adopted", message: first.id })),
      ],
    );
    const done = await adopt("--id", third.id, second.id, "--yes");
    assert.deepEqual([done.exitCode, metadata()], [1, before]);
  });

  void it("takes whole chains by a list of ids, keeps them until a retention is set, builds on none of it, and then rotates them", async (t) => {
    const { adopt, chains, files, left, metadata, night, run, simulator, volume } = await afterStaffeln(t);
    const ids = chains.map(({ id }) => id);
    const [first, second] = chains as [Backup, Backup];
    files["/ids.txt"] = `${ids.toReversed().join("\n")}\n`;
    const shown = await adopt("--ids-from", "/ids.txt");
    assert.deepEqual(
      shown.adopt.map(({ id, parentId, peer: by }) => [id, parentId, by]),
      ids.map((id, i) => [id, i === 1 || i === 2 ? ids[i - 1] : null, "staffeln"]),
    );
    const done = await adopt("--ids-from", "/ids.txt", "--yes");
    assert.deepEqual(
      done.lines.map(({ backupId, reason }) => [backupId, reason]),
      ids.map((id) => [id, "taken_over"]),
    );
    assert.deepEqual(metadata()[1], {
      mine: "stays",
      __automated_backup: "True",
      "dirigent:adopted": "2026-11-21T12:00:00Z",
      "dirigent:key": `${volume.id}/adopted/manual:adopted-${second.id}`,
      "dirigent:parent": first.id,
      "dirigent:policy": "adopted",
      "dirigent:slot": `manual:adopted-${second.id}`,
    });
    const audited = async (): Promise<void> => {
      const audit = await run("audit", ...ids.flatMap((id) => ["--adopted", id]), "--json");
      assert.equal(audit.exitCode, 0, audit.stdout + audit.stderr);
    };
    await audited();

    assert.deepEqual([await night(), left()], [[], ids]);
    const own = () => [...simulator.state.backups.values()].filter(({ id }) => !ids.includes(id));
    assert.deepEqual(
      own().map(({ volumeId, parentId }) => [volumeId, parentId]),
      [[volume.id, null]],
      "a full one: nothing of ours builds on what others made",
    );
    await audited();

    const argv = ["--ids-from", "/ids.txt", "--with-retention", "--policy"];
    assert.deepEqual(
      (await adopt(...argv, "goldd")).refused.map(({ reason, message }) => [reason, message]),
      ids.map(() => ["no_such_policy", "goldd"]),
    );
    const given = await adopt(...argv, "default", "--yes");
    assert.equal(given.exitCode, 0, given.stderr);
    assert.deepEqual(
      metadata().map((marks) => [marks["dirigent:policy"], marks["dirigent:keep-until"], marks["dirigent:parent"]]),
      ids.map((_, i) => ["default", `2026-10-${18 + i}T01:00:00Z`, i === 1 || i === 2 ? ids[i - 1] : undefined]),
    );
    const again = await adopt(...argv, "default", "--yes");
    assert.deepEqual([again.exitCode, again.lines.map(({ reason }) => reason)], [1, ids.map(() => "already_ours")]);
    await audited();
    const [one, two, three, four] = ids;
    const deleted = await night();
    assert.deepEqual(
      deleted.filter((id) => id !== four),
      [three, two, one],
      "newest first",
    );
    assert.deepEqual([deleted.includes(four ?? ""), left()], [true, []]);
    assert.equal(own().length, 1);
    await audited();
  });

  void it("keeps the newest good chain, however long it has expired, as long as there is no better one", async (t) => {
    const { adopt, chains, left, night, server } = await afterStaffeln(t);
    server.metadata = {};
    const ids = chains.map(({ id }) => id);
    const done = await adopt("--id", ...ids, "--with-retention", "--policy", "default", "--yes");
    assert.equal(done.exitCode, 0, done.stderr);
    const [one, two, three, four] = ids;
    assert.deepEqual([await night(), left()], [[three, two, one], [four]]);
    assert.deepEqual([await night(), left()], [[], [four]]);
  });

  void it("takes Staffeln's by their names and creator, and leaves alone what a tenant has named so", async (t) => {
    const { adopt, chains, simulator, volume } = await afterStaffeln(t);
    const named = { volumeId: volume.id, userId: tenant, name: `web-1_${volume.id}_1790000000` };
    const forged = simulator.seed.backup({ ...named, createdAtMs: Date.parse("2026-10-05T01:00:00Z") });
    simulator.seed.backup({ volumeId: volume.id, userId: peer, createdAtMs: Date.parse("2026-10-06T01:00:00Z") });
    const done = await adopt("--from", "staffeln", "--created-by", peer, "--yes");
    assert.deepEqual(
      [done.exitCode, done.lines.map(({ backupId, reason }) => [backupId, reason])],
      [0, chains.map(({ id }) => [id, "taken_over"])],
    );
    assert.deepEqual(simulator.state.backups.get(forged.id)?.metadata, {});
  });

  void it("after a lost database leaves them alone until the same order confirms them, with the same marks", async (t) => {
    const { adopt, chains, directory, left, metadata, night, run } = await afterStaffeln(t);
    const ids = chains.map(({ id }) => id);
    const order = ["--id", ...ids, "--with-retention", "--policy", "default"];
    assert.equal((await adopt(...order, "--yes")).exitCode, 0);
    assert.equal((await run("hold", ids[3]!, "--reason", "audit")).exitCode, 0);
    const marks = metadata();
    await rm(directory, { recursive: true });
    await mkdir(directory);

    assert.deepEqual([await night(), left()], [[], ids], "nobody's: nothing is deleted");
    assert.deepEqual(metadata(), marks);
    const forged = await run("audit", "--json");
    assert.match(forged.stdout, /"forged"/);
    const again = await adopt(...order, "--yes");
    assert.deepEqual([again.exitCode, again.lines.map(({ reason }) => reason)], [0, ids.map(() => "taken_over")]);
    assert.deepEqual(metadata(), marks);
    assert.deepEqual([await night(), left()], [[ids[2], ids[1], ids[0]], [ids[3]]], "and only what is not held");
  });

  void it("guards them: the catalogue for policy hooks has them", async (t) => {
    const { adopt, chains, clock, directory } = await afterStaffeln(t);
    const ids = chains.map(({ id }) => id);
    assert.equal((await adopt("--id", ...ids, "--yes")).exitCode, 0);
    const repository = await openStore(`sqlite:${join(directory, "state.db")}`, { io: directIo });
    const path = join(directory, "catalogue");
    await writeCatalogueFile({ path, repository, clock, io: directIo, log: silentLogger });
    await repository.close();
    const listed = (await readFile(path, "utf8")).split("\n").flatMap((line) => /^backup (\S+) /.exec(line)?.[1] ?? []);
    assert.deepEqual(listed.sort(), ids.sort());
  });

  void it("disowns no part of a chain that another part is built on", async (t) => {
    const { adopt, chains, metadata, run } = await afterStaffeln(t);
    const ids = chains.map(({ id }) => id);
    const before = metadata();
    assert.equal((await adopt("--id", ...ids, "--yes")).exitCode, 0);
    const ran = await run("disown", ids[1]!, "--json");
    const { lines } = JSON.parse(ran.stdout) as Adopted;
    assert.deepEqual([ran.exitCode, lines.map(({ reason }) => reason)], [1, ["keep_has_children"]], ran.stdout);
    const all = await run("disown", ...ids);
    assert.deepEqual([all.exitCode, metadata()], [0, before], all.stdout);
  });
});
