import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { Snapshot, Volume } from "../../src/simulator/records.ts";
import { openCommandCloud, type CommandCloud } from "./support/command-cloud.ts";

const peer = "5eed00000000000000000000000000aa";
const tenant = "5eed00000000000000000000000000bb";

interface Stage extends CommandCloud {
  readonly volume: Volume;
  readonly snapshot: (wanted: Partial<Snapshot>) => Snapshot;
  readonly metadataOf: (snapshot: Snapshot) => Readonly<Record<string, string>> | undefined;
}

async function start(t: TestContext): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), "dirigent-adopt-"));
  const cloud = await openCommandCloud("2026-11-21T12:00:00Z", {
    "/etc/dirigent/dirigent.yaml": JSON.stringify({ database: { url: `sqlite:${join(directory, "state.db")}` } }),
  });
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
          snapshotId: theirs.id,
          volumeId: volume.id,
          projectId: volume.projectId,
          createdAt: "2026-11-20T08:03:00.000Z",
          createdBy: peer,
          peer: "snapsentry",
          policy: "snapsentry-daily",
          slot: "2026-11-20T08:00:00Z",
          keepUntil: "2026-11-22T08:00:00.000Z",
          retention: null,
        },
      ],
      refused: [{ snapshotId: forged.id, reason: "other_creator", message: tenant }],
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
    const ran = await run("adopt", "--id", mine.id, broken.id, "missing", "--yes", "--json");
    assert.equal(ran.exitCode, 3, ran.stderr);
    const { lines } = JSON.parse(ran.stdout) as { lines: { backupId: string; outcome: string; reason: string }[] };
    assert.deepEqual(
      lines.map(({ backupId, outcome, reason }) => [backupId, outcome, reason]),
      [
        [broken.id, "refused", "not_finished"],
        [mine.id, "done", "taken_over"],
        ["missing", "refused", "no_such_snapshot"],
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
});
