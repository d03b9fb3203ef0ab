import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Cloud } from "../support/cloud.ts";
import { makeReader, makeWriter } from "../support/credentials.ts";
import { cycleAhead } from "../support/cycle.ts";
import { install } from "../support/dirigent.ts";
import { backups, snapshots, type BackupRow, type SnapshotRow } from "../support/judge.ts";
import { freePort, putInPolicies, startHook, takeOutPolicies, type RunningHook } from "../support/policy-hook.ts";
import type { Method, Session } from "../support/session.ts";
import { until } from "../support/wait.ts";
import { removeWorld, seed } from "../support/world.ts";

const slotMs = 60_000;

export type Metadata = Readonly<Record<string, string>>;

export interface CinderAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Cinder's answer to whoever the hook says no to. */
export const refusedBy = (rule: string): CinderAnswer => ({
  status: 403,
  body: { forbidden: { code: 403, message: `Policy doesn't allow ${rule} to be performed.` } },
});

export const accepted: CinderAnswer = { status: 202, body: undefined };

/** Cinder's answer to anyone while the hook does not answer. */
export const serverFault: CinderAnswer = {
  status: 500,
  body: {
    computeFault: {
      code: 500,
      message: "The server has either erred or is incapable of performing the requested operation.",
    },
  },
};

export const marked: Metadata = { __automated_backup: "True" };

const prefix = "hook";

export type Stage = Awaited<ReturnType<typeof openStage>>;

/** A project with a protected volume, a hook, and Cinder with the policy file we ship. */
export async function openStage() {
  const cloud = await Cloud.open();
  await takeOutPolicies();
  await removeWorld(cloud, prefix);
  const world = await seed(cloud, { prefix, servers: 2, volumesEach: 1, projects: 2, share: 1 });
  const writer = await makeWriter(cloud, prefix);
  const reader = await makeReader(cloud, prefix);
  const directory = await mkdtemp(join(tmpdir(), "dirigent-hook-"));
  const dirigent = await install(directory, { reader, writer });
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const [[memberName, projectId], [otherName]] = Object.entries(world.projects) as [[string, string], [string]];
  const volumeId = world.servers.find((server) => server.project === projectId)!.volumes[0]!;
  const member = await cloud.tenant(memberName);
  /** The writer in the project, as the conductor uses it. */
  const conductor = await cloud.login(writer.login, { projectId });
  /** A member of another project. */
  const stranger = await cloud.tenant(otherName);
  // One project to back up is enough, and a rotation that fails takes its time in each.
  const other = world.servers.find((server) => server.project !== projectId)!;
  await stranger.call("DELETE", "compute", `/servers/${other.id}/metadata/backup`);
  let hook: RunningHook | null = null;

  const configure = (settings: Readonly<Record<string, unknown>>): Promise<void> =>
    dirigent.configure({
      policy: { name: "minutely", period: "60s", retention: "60s", minimum_retention: "60s", full_every: 1 },
      policy_hook: { port, conductor_user_ids: [writer.userId], metrics: { port: 0 }, ...settings },
    });
  const start = async (): Promise<void> => {
    hook = await startHook(dirigent, port);
  };
  const stop = async (): Promise<void> => {
    await hook?.stop();
    hook = null;
  };
  const restart = async (settings: Readonly<Record<string, unknown>>): Promise<void> => {
    await stop();
    await configure(settings);
    await start();
  };

  const stage = {
    cloud,
    dirigent,
    directory,
    reader,
    writer,
    projectId,
    volumeId,
    member,
    memberName,
    conductor,
    stranger,
    port,
    origin,
    startHook: start,
    stopHook: stop,
    signalHook: (signal: NodeJS.Signals) => hook?.process.kill(signal),
    putInPolicies: (...names: readonly string[]) => putInPolicies(origin, names.length === 0 ? undefined : names),
    putInPoliciesAt: (address: string) => putInPolicies(address),
    takeOutPolicies,

    /** Runs `work` with other settings of the hook. */
    async reconfigured(settings: Readonly<Record<string, unknown>>, work: () => Promise<void>): Promise<void> {
      await restart(settings);
      try {
        await work();
      } finally {
        await restart({});
      }
    },

    /** One cycle of the conductor with its clock that far ahead of the cloud's; each 95 s make a slot due and expire what the one before made. */
    async cycle(aheadMs: number, speed = 1) {
      // What is planned at the end of a slot of a minute may miss its window: the next slot is waited for.
      const leftMs = slotMs - ((Date.now() + aheadMs) % slotMs);
      if (leftMs < slotMs / 3) await setTimeout(leftMs);
      return await cycleAhead(dirigent, { aheadMs, speed });
    },

    async answer(session: Session, method: Method, path: string, body?: unknown): Promise<CinderAnswer> {
      const reply = await session.raw(method, "volumev3", path, body === undefined ? {} : { body });
      return { status: reply.status, body: reply.body };
    },

    backup: async (id: string): Promise<BackupRow | undefined> =>
      (await backups(cloud.admin)).find((row) => row.id === id),
    backupGone: (id: string) => until(`backup ${id} is gone`, async () => (await stage.backup(id)) === undefined),

    /** The conductor's, of the protected volume. */
    automated: async (): Promise<BackupRow[]> =>
      (await backups(cloud.admin)).filter((row) => row.user_id === writer.userId && row.volume_id === volumeId),

    async newest(): Promise<BackupRow> {
      const [row] = (await stage.automated()).toSorted((a, b) => b.created_at.localeCompare(a.created_at));
      assert.ok(row !== undefined, "there is no automated backup");
      return row;
    },

    async makeBackup(session: Session, metadata: Metadata = {}): Promise<string> {
      const backup = { volume_id: volumeId, name: `${prefix}-made`, force: true, metadata };
      const made = await session.call<{ backup: { id: string } }>("POST", "volumev3", "/backups", { backup });
      await until("the backup is available", async () => (await stage.backup(made.backup.id))?.status === "available");
      return made.backup.id;
    },

    snapshot: async (id: string): Promise<SnapshotRow | undefined> =>
      (await snapshots(cloud.admin)).find((row) => row.id === id),
    snapshotGone: (id: string) => until(`snapshot ${id} is gone`, async () => (await stage.snapshot(id)) === undefined),

    async makeSnapshot(session: Session, metadata: Metadata = {}, of = volumeId): Promise<SnapshotRow> {
      const snapshot = { volume_id: of, name: `${prefix}-made`, force: true, metadata };
      const made = await session.call<{ snapshot: { id: string } }>("POST", "volumev3", "/snapshots", { snapshot });
      return until("the snapshot is available", async () => {
        const row = await stage.snapshot(made.snapshot.id);
        return row?.status === "available" && row;
      });
    },

    async close(): Promise<void> {
      await takeOutPolicies();
      await stop();
      await removeWorld(cloud, prefix);
      await rm(directory, { recursive: true, force: true });
    },
  };
  await configure({});
  await start();
  await stage.putInPolicies();
  await stage.cycle(0);
  return stage;
}
