import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { runDaemon } from "../../src/conductor/daemon.ts";
import { LeaseKeeper } from "../../src/conductor/lease.ts";
import { workOrder } from "../../src/conductor/orders/alone.ts";
import { previewPrune, previewRemoval } from "../../src/conductor/orders/removal.ts";
import { previewRebuild } from "../../src/conductor/orders/rebuild.ts";
import { operation } from "../../src/conductor/context.ts";
import type { Order, OrderBody, OrderLine } from "../../src/domain/orders.ts";
import type { SeededCloud } from "../../src/simulator/cloud.ts";
import { openStore } from "../../src/store/open.ts";
import { directIo } from "../../src/domain/io.ts";
import { auditNight, dayMs, running, startNight, type Night } from "./support/night.ts";

type Cloudy = Night & { readonly cloud: SeededCloud };

/** Two projects with a tagged server of two volumes each; backups take 20 s. */
async function start(t: TestContext): Promise<Cloudy> {
  const night = await startNight({
    simulator: { durations: { backupMs: () => 20_000, backupDeleteMs: () => 2_000 } },
  });
  t.after(() => night.close());
  return { ...night, cloud: night.simulator.seedCloud({ projects: 2, servers: 2, volumesPerServer: 2 }) };
}

const orderOf = (night: Night, id: string, body: OrderBody): Order => ({
  id,
  body,
  state: "waiting",
  askedAt: night.clock.now(),
  expiresAt: new Date(Number(night.clock.now()) + 3_600_000),
  endedAt: null,
  result: null,
});

const read = async (night: Night, id: string): Promise<Order> => {
  const [order] = await night.repository.orders({ id });
  assert.ok(order);
  return order;
};

/** What a command does where no conductor is at work. */
async function ask(night: Night, id: string, body: OrderBody): Promise<Order> {
  await night.repository.insertOrder(orderOf(night, id, body));
  const lease = await LeaseKeeper.acquire(night.conductor, true);
  assert.ok(lease);
  await workOrder(night.conductor, lease, { orderId: id, signals: running() });
  await lease.release();
  return await read(night, id);
}

const protect = (volumeIds: readonly string[], more: Partial<Extract<OrderBody, { kind: "protect" }>> = {}) =>
  ({
    kind: "protect",
    volumeIds,
    serverId: null,
    name: null,
    description: null,
    force: false,
    forSchedule: false,
    ...more,
  }) as const;

const outcomes = ({ result }: Order): string[] =>
  (result?.lines ?? []).map(({ outcome, reason }: OrderLine) => `${outcome} ${reason}`);

/** The backups of a volume, oldest first. */
const backupsOf = (night: Night, volumeId: string) =>
  night.simulator.state.backups
    .filter((backup) => backup.volumeId === volumeId)
    .sort((a, b) => a.createdAtMs - b.createdAtMs);

async function nights(night: Night, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    assert.equal((await night.once()).outcome, "ok");
    night.clock.advance(dayMs);
  }
}

describe("an order to protect", () => {
  it("makes snapshots, and under another policy: kept as that one says, with its name in the key", async (t) => {
    const night = await start(t);
    const [volume] = night.cloud.volumes;
    assert.ok(volume);
    const plain = await ask(night, "o1", protect([volume.id], { mechanism: "snapshot" }));
    const preset = await ask(night, "o2", protect([volume.id], { policy: "daily_5" }));
    assert.deepEqual([outcomes(plain), outcomes(preset)], [["done succeeded"], ["done succeeded"]]);
    assert.deepEqual(backupsOf(night, volume.id), []);
    const rows = await night.repository.catalogue({ projectId: volume.projectId });
    assert.deepEqual(
      rows
        .map(({ key, mechanism, policy, retention }) => ({ key, mechanism, policy, retention }))
        .sort((a, b) => String(a.key).localeCompare(String(b.key))),
      [
        {
          key: `${volume.id}/daily_5/manual:o2/snapshot`,
          mechanism: "snapshot",
          policy: "daily_5",
          retention: "last=5,min=1,tz=UTC",
        },
        { key: `${volume.id}/default/manual:o1/snapshot`, mechanism: "snapshot", policy: "default", retention: null },
      ],
    );
    const [report] = await night.repository.reports({ runId: "o2", limit: 1 });
    assert.deepEqual(
      report?.lines.map(({ mechanism, outcome, policy }) => [policy, mechanism, outcome]),
      [["daily_5", "snapshot", "succeeded"]],
    );
  });

  it("backs up a server's volumes as a set under a slot of its own; the schedule makes its own", async (t) => {
    const night = await start(t);
    const server = night.cloud.servers[0]!;
    const volumes = night.cloud.volumes.filter(({ projectId }) => projectId === server.projectId);
    const ids = volumes.map(({ id }) => id);
    const order = await ask(
      night,
      "o1",
      protect(ids, { serverId: server.id, name: "before-upgrade", description: "x" }),
    );
    assert.deepEqual(
      [order.state, order.result?.outcome, outcomes(order)],
      ["ended", "ok", ["done succeeded", "done succeeded"]],
    );
    const made = ids.flatMap((id) => backupsOf(night, id));
    assert.deepEqual(
      made.map(({ name, description, projectId, metadata }) => ({
        name,
        description,
        projectId,
        slot: metadata["dirigent:slot"],
        set: metadata["dirigent:set"],
      })),
      volumes.map(({ name }) => ({
        name: `before-upgrade-${name}`,
        description: "x",
        projectId: server.projectId,
        slot: "manual:o1",
        set: `${server.id}/default/manual:o1`,
      })),
    );
    assert.match(night.simulator.state.servers.get(server.id)?.metadata["last-backup-time"] ?? "", /^2026-11-21T/);
    const [run] = await night.repository.runs({ limit: 1 });
    assert.deepEqual([run?.id, run?.kind, run?.outcome], ["o1", "manual", "ok"]);
    const [report] = await night.repository.reports({ runId: "o1", limit: 9 });
    assert.deepEqual(
      report?.lines.map(({ outcome }) => outcome),
      ["succeeded", "succeeded"],
    );
    const listing = await auditNight(night);

    night.clock.advance(1000);
    assert.equal((await night.once()).outcome, "ok");
    assert.deepEqual(
      night.cloud.volumes.map(({ id }) => backupsOf(night, id).length),
      [2, 2, 1, 1],
      "one more of each",
    );
    await auditNight(night, listing);
  });

  it("counts for the schedule when it is told to", async (t) => {
    const night = await start(t);
    const volume = night.cloud.volumes[0]!.id;
    assert.equal((await ask(night, "o1", protect([volume], { forSchedule: true }))).result?.outcome, "ok");
    night.clock.advance(1000);
    await night.once();
    assert.deepEqual(
      night.cloud.volumes.map(({ id }) => backupsOf(night, id).length),
      [1, 1, 1, 1],
    );
    assert.deepEqual(outcomes(await ask(night, "o2", protect([volume], { forSchedule: true }))), ["refused not_due"]);
    await auditNight(night);
  });

  it("is refused for what cannot be or does not want to be backed up, and takes the latter by force", async (t) => {
    const night = await start(t);
    const [wanted, skipped, broken] = night.cloud.volumes;
    skipped!.metadata["skip-volume-backup"] = "yes";
    broken!.status = "error";
    const ids = [wanted!.id, skipped!.id, broken!.id, "missing"];
    const order = await ask(night, "o1", protect(ids));
    const byVolume = new Map(order.result?.lines.map((line) => [line.volumeId, `${line.outcome} ${line.reason}`]));
    assert.deepEqual(
      ids.map((id) => byVolume.get(id)),
      ["done succeeded", "refused skip_requested", "refused volume_state", "refused volume_missing"],
    );
    assert.equal(order.result?.outcome, "partial");
    assert.deepEqual(outcomes(await ask(night, "o2", protect([skipped!.id], { force: true }))), ["done succeeded"]);
  });

  it("backs up a volume that no server has", async (t) => {
    const night = await start(t);
    const volume = night.simulator.seed.volume({ projectId: night.cloud.projects[0]!.id, name: "loose" });
    assert.deepEqual(outcomes(await ask(night, "o1", protect([volume.id]))), ["done succeeded"]);
    await auditNight(night);
    await night.once();
    const { differences } = await previewRebuild(night.conductor, running().cut);
    assert.deepEqual(differences, []);
  });
});

describe("an order to a conductor that is at work", () => {
  it("is worked by the idle daemon, and does not wait for the next slot", async (t) => {
    const night = await start(t);
    const drain = new AbortController();
    const volume = night.cloud.volumes[0]!.id;
    let cycles = 0;
    await runDaemon(
      {
        ...night.conductor,
        clock: {
          ...night.clock,
          sleep: async (ms, signal) => {
            await night.clock.sleep(ms, signal);
            const [order] = await night.repository.orders({ id: "o1" });
            if (cycles > 0 && order === undefined) {
              await night.repository.insertOrder(orderOf(night, "o1", protect([volume])));
            }
            if (order?.state === "ended") drain.abort();
          },
        },
      },
      {
        exclusive: true,
        wakes: () => () => undefined,
        onCycle: () => {
          cycles += 1;
        },
      },
      { drain: drain.signal, cut: running().cut },
    );
    assert.equal(cycles, 1);
    assert.deepEqual(outcomes(await read(night, "o1")), ["done succeeded"]);
    assert.equal(backupsOf(night, volume).length, 2);
    await auditNight(night);
  });

  it("is worked beside a cycle: a volume that is just being backed up is refused", async (t) => {
    const night = await start(t);
    const volume = night.cloud.volumes[0]!.id;
    night.simulator.faults.add({
      method: "POST",
      path: /backups$/,
      times: 1,
      action: {
        kind: "hook",
        run: () => void night.repository.insertOrder(orderOf(night, "o1", protect([volume], { force: true }))),
      },
    });
    await night.once();
    const order = await read(night, "o1");
    // The volume's own backup was still being made.
    assert.deepEqual(outcomes(order), ["refused still_running"]);
    assert.equal(backupsOf(night, volume).length, 1);
    await auditNight(night);
  });

  it("goes on after a crash where it was, and is not begun when it is too late", async (t) => {
    const night = await start(t);
    await nights(night, 1);
    const [volume] = night.cloud.volumes;
    const id = backupsOf(night, volume!.id)[0]!.id;
    const body = { kind: "hold", backupIds: [id], note: null } as const;
    await night.repository.insertRun({
      ...(await night.repository.runs({ limit: 1 }))[0]!,
      id: "o1",
      endedAt: null,
      outcome: null,
    });
    await night.repository.insertOrder({ ...orderOf(night, "o1", body), state: "working" });
    await night.repository.insertOrder({ ...orderOf(night, "o2", body), expiresAt: new Date(0) });
    await night.once();
    assert.deepEqual(outcomes(await read(night, "o1")), ["done held"]);
    assert.equal((await read(night, "o2")).state, "withdrawn");
  });
});

describe("an order to delete", () => {
  it("takes what may go, newest first, and says of the rest why it stays", async (t) => {
    const night = await start(t);
    await nights(night, 1);
    const volume = night.cloud.volumes[0]!.id;
    const retained = { ...night.conductor, settings: { ...night.conductor.settings, rotationEnabled: false } };
    for (let i = 0; i < 5; i++) {
      assert.equal((await night.once(retained)).outcome, "ok");
      night.clock.advance(dayMs);
    }
    const listing = await auditNight(night);
    const all = backupsOf(night, volume);
    const roots = all.filter(({ parentId }) => parentId === null);
    assert.ok(roots.length >= 2, "several chains");
    const newestRoot = all.indexOf(roots.at(-1)!);
    const old = all.slice(0, newestRoot);
    const tip = old.at(-1)!;
    const chain = old.slice(old.lastIndexOf(roots.at(-2)!));
    const ids = all.map(({ id }) => id);

    // Of a chain only what nothing is built on.
    if (chain.length > 1) {
      const refused = await previewRemoval(night.conductor, [chain[0]!.id], running().cut);
      assert.deepEqual(
        refused.plan.refusals.map(({ reason, message }) => ({ reason, message })),
        [{ reason: "keep_has_children", message: chain[1]!.id }],
      );
    }
    assert.equal(
      (await ask(night, "hold", { kind: "hold", backupIds: [tip.id], note: "case 7" })).result?.outcome,
      "ok",
    );
    assert.match(tip.metadata["dirigent:hold"] ?? "", /^2026-.*Z case 7$/);
    const held = await ask(night, "o1", { kind: "delete", backupIds: [tip.id] });
    assert.deepEqual(outcomes(held), ["refused keep_held"]);
    assert.deepEqual(
      backupsOf(night, volume).map(({ id }) => id),
      ids,
    );
    assert.equal((await ask(night, "unhold", { kind: "unhold", backupIds: [tip.id] })).result?.outcome, "ok");
    assert.deepEqual(outcomes(await ask(night, "again", { kind: "unhold", backupIds: [tip.id] })), [
      "refused not_held",
    ]);

    const before = night.simulator.log.entries.length;
    const order = await ask(night, "o2", { kind: "delete", backupIds: ids });
    assert.equal(order.result?.outcome, "partial");
    const done = order.result.lines.filter(({ outcome }) => outcome === "done").map(({ backupId }) => backupId);
    assert.deepEqual(new Set(done), new Set(old.map(({ id }) => id)));
    assert.deepEqual(
      new Set(order.result.lines.filter(({ outcome }) => outcome !== "done").map(({ reason }) => reason)),
      new Set(["keep_newest_good"]),
    );
    const deletes = night.simulator.log.entries
      .slice(before)
      .filter(({ method }) => method === "DELETE")
      .map(({ path }) => path.split("/").at(-1));
    assert.deepEqual(
      chain.map(({ id }) => deletes.indexOf(id)),
      chain.map(({ id }) => deletes.indexOf(id)).sort((a, b) => b - a),
    );
    const rows = (await night.repository.operations({ runId: "o2" })).map(({ kind, reason }) => `${kind} ${reason}`);
    assert.deepEqual(new Set(rows), new Set(["delete removed", "delete_verified removed", "keep keep_newest_good"]));
    await auditNight(
      night,
      listing,
      old.map(({ id }) => id),
    );
  });

  it("asks for the children right before: a foreign incremental that came meanwhile stops it", async (t) => {
    const night = await start(t);
    const volume = night.cloud.volumes[0]!.id;
    await ask(night, "p1", protect([volume]));
    const [first] = backupsOf(night, volume);
    // A newer good chain, so that the first one may go.
    night.clock.advance(dayMs);
    night.simulator.state.volumes.get(volume)!.sizeGiB += 1;
    await ask(night, "p2", protect([volume]));
    night.simulator.seed.backup({ volumeId: volume, parentId: first!.id, userId: "somebody" });
    const order = await ask(night, "o1", { kind: "delete", backupIds: [first!.id] });
    assert.deepEqual(outcomes(order), ["refused keep_has_children"]);
    assert.equal(night.simulator.state.backups.get(first!.id)?.status, "available");
  });

  it("deletes nothing when the clock cannot be trusted", async (t) => {
    const night = await start(t);
    const volume = night.cloud.volumes[0]!.id;
    await ask(night, "p1", protect([volume]));
    night.clock.advance(dayMs);
    night.simulator.state.volumes.get(volume)!.sizeGiB += 1;
    await ask(night, "p2", protect([volume]));
    const [first] = backupsOf(night, volume);
    night.clock.jump(-3 * dayMs);
    const order = await ask(night, "o1", { kind: "delete", backupIds: [first!.id] });
    assert.deepEqual(outcomes(order), ["refused clock_jump"]);
  });
});

describe("an order to disown", () => {
  it("lets go of forged marks, keeps other metadata, and refuses a part of the newest good chain", async (t) => {
    const night = await start(t);
    await nights(night, 2);
    const volume = night.cloud.volumes[0]!;
    const [full] = backupsOf(night, volume.id);
    const forged = night.simulator.seed.backup({
      volumeId: volume.id,
      userId: "somebody",
      metadata: { __automated_backup: "True", "dirigent:key": "x", "dirigent:hold": "mine", theirs: "1" },
    });
    const plain = night.simulator.seed.backup({ volumeId: volume.id, userId: "somebody" });
    const order = await ask(night, "o1", { kind: "disown", backupIds: [forged.id, plain.id, full!.id] });
    assert.deepEqual(outcomes(order), [
      "done disowned",
      "refused not_marked",
      `refused ${backupsOf(night, volume.id)[1]!.parentId === full!.id ? "keep_has_children" : "keep_newest_good"}`,
    ]);
    assert.deepEqual(forged.metadata, { theirs: "1" });

    const whole = backupsOf(night, volume.id).filter(({ userId }) => userId === night.accounts.writer.id);
    const all = await ask(night, "o2", { kind: "disown", backupIds: whole.map(({ id }) => id) });
    assert.equal(all.result?.outcome, "ok");
    assert.deepEqual(
      whole.map(({ metadata }) => metadata),
      whole.map(() => ({})),
    );
    const left = await night.repository.catalogue();
    assert.ok(left.every(({ volumeId }) => volumeId !== volume.id));
  });
});

describe("an order to disown snapshots", () => {
  it("lets go of forged ones, holds and all, and keeps what is held by us or carries no mark", async (t) => {
    const night = await start(t);
    const volumeId = night.cloud.volumes[0]!.id;
    const marks = { __automated_backup: "True", "dirigent:hold": "since today" };
    const seed = (userId: string, metadata: Record<string, string>) =>
      night.simulator.seed.snapshot({ volumeId, userId, metadata });
    const forged = seed("somebody", { ...marks, theirs: "1" });
    const held = seed(night.accounts.writer.id, marks);
    const plain = seed("somebody", { theirs: "2" });
    const none = "00000000-0000-4000-8000-000000000000";
    const snapshotIds = [forged.id, held.id, plain.id, none];
    const order = await ask(night, "o1", { kind: "disown_snapshots", snapshotIds });
    assert.deepEqual(outcomes(order), [
      "done disowned",
      "refused keep_held",
      "refused not_marked",
      "refused no_such_snapshot",
    ]);
    assert.deepEqual(
      [forged, held, plain].map(({ metadata }) => metadata),
      [{ theirs: "1" }, marks, { theirs: "2" }],
    );
    const rows = await night.repository.operations({ runId: "o1" });
    assert.deepEqual(
      rows.map(({ kind, reason }) => [kind, reason]),
      [
        ["mark_backup", "disowned"],
        ["keep", "keep_held"],
        ["keep", "not_marked"],
        ["keep", "no_such_snapshot"],
      ],
    );
  });
});

describe("an order to prune", () => {
  it("deletes the last chains of volumes that are gone once nothing is promised, and only what was shown", async (t) => {
    const night = await start(t);
    await nights(night, 2);
    await night.once();
    const [gone, alsoGone] = night.cloud.volumes;
    const held = backupsOf(night, alsoGone!.id).map(({ id }) => id);
    await ask(night, "h", { kind: "hold", backupIds: held, note: null });
    for (const { id } of [gone!, alsoGone!]) {
      night.simulator.state.volumes.delete(id);
    }
    const listing = await auditNight(night);
    const before = await previewPrune(night.conductor, null, running().cut);
    assert.deepEqual(
      [before.blocked, before.plan.removals],
      ["partial_scan", []],
      "a smaller cloud is doubted for a day",
    );

    night.clock.advance(5 * dayMs);
    const { blocked, plan } = await previewPrune(night.conductor, null, running().cut);
    assert.equal(blocked, null);
    const ids = plan.removals.flatMap(({ deletions }) => deletions.map(({ backup }) => backup.id));
    assert.deepEqual(new Set(ids), new Set(backupsOf(night, gone!.id).map(({ id }) => id)));
    assert.deepEqual(
      new Set(plan.refusals.map(({ backupId, reason }) => `${backupId} ${reason}`)),
      new Set(held.map((id) => `${id} keep_held`)),
    );

    const order = await ask(night, "o1", { kind: "prune", backupIds: [...ids, ...held] });
    assert.equal(order.result?.outcome, "partial");
    assert.equal(backupsOf(night, gone!.id).length, 0);
    assert.equal(backupsOf(night, alsoGone!.id).length, held.length);
    await auditNight(night, listing, [gone!.id]);
  });

  it("leaves the brake as it was: rotation goes on in the same night", async (t) => {
    const night = await start(t);
    await nights(night, 1);
    const projectId = night.cloud.projects[0]!.id;
    const rows = Array.from({ length: 50 }, (_, i) =>
      operation(night.conductor, "r", { kind: "delete", reason: "pruned", projectId, backupId: `b${i}` }),
    );
    await night.repository.appendOperations(rows);
    const { reports } = await night.once();
    assert.ok(reports.every(({ rotation }) => rotation.blocked === null));
    await nights(night, 6);
  });
});

describe("an order to rebuild", () => {
  it("makes the same catalogue in an empty database, and finds no difference afterwards", async (t) => {
    const night = await start(t);
    await nights(night, 4);
    await ask(night, "h", {
      kind: "hold",
      backupIds: [backupsOf(night, night.cloud.volumes[1]!.id)[0]!.id],
      note: null,
    });
    const { differences } = await previewRebuild(night.conductor, running().cut);
    assert.deepEqual(differences, []);
    const before = await night.repository.catalogue();
    const empty = await openStore("sqlite::memory:", { io: directIo });
    t.after(() => empty.close());
    const lost: Cloudy = { ...night, repository: empty, conductor: { ...night.conductor, repository: empty } };
    const order = await ask(lost, "o1", { kind: "rebuild" });
    assert.deepEqual([order.result?.outcome, order.result?.differenceCount], ["ok", before.length]);
    const seconds = (at: Date | null): number | null => (at === null ? null : Math.floor(Number(at) / 1000));
    const shown = (entries: typeof before) =>
      entries.map((entry) => ({ ...entry, keepUntil: seconds(entry.keepUntil), goodAt: entry.goodAt !== null }));
    assert.deepEqual(shown(await empty.catalogue()), shown(before));
    assert.equal((await ask(lost, "o2", { kind: "rebuild" })).result?.differenceCount, 0);
  });

  it("keeps a hold and a promise that only the database remembers, and tells them", async (t) => {
    const night = await start(t);
    await nights(night, 1);
    const backup = backupsOf(night, night.cloud.volumes[0]!.id)[0]!;
    await night.repository.patchCatalogueEntry(backup.id, { held: true, sizeGiB: 99 });
    const order = await ask(night, "o1", { kind: "rebuild" });
    assert.deepEqual(order.result?.differences, [
      { backupId: backup.id, field: "sizeGiB", database: "99", cinder: String(backup.sizeGiB), kept: "cinder" },
      { backupId: backup.id, field: "held", database: "true", cinder: "false", kept: "database" },
    ]);
    const entry = (await night.repository.catalogue()).find(({ backupId }) => backupId === backup.id);
    assert.deepEqual([entry?.held, entry?.sizeGiB], [true, backup.sizeGiB]);
  });
});
