import assert from "node:assert/strict";
import { at, text, type Answer, withoutIds } from "./driver.ts";
import type { Caller, Stage } from "./stage.ts";

/** A named thing that both clouds do alike. */
export interface Behaviour {
  readonly name: string;
  readonly run: (stage: Stage) => Promise<void>;
}

export const behaviour = (name: string, run: (stage: Stage) => Promise<void>): Behaviour => ({ name, run });

/** The whole error: status, the one key, its code, its text. */
export function assertFault(answer: Answer, status: number, kind: string, message: string): void {
  assert.deepEqual(
    { status: answer.status, body: withoutIds(answer.body) },
    { status, body: { [kind]: { code: status, message } } },
  );
}

export function assertOverLimit(answer: Answer, message: string): void {
  const body = { overLimit: { code: 413, message, retryAfter: "0" } };
  assert.deepEqual(
    { status: answer.status, body: withoutIds(answer.body), retryAfter: answer.headers.get("retry-after") },
    { status: 413, body, retryAfter: "0" },
  );
}

/** Keystone's form, which its middleware in front of the other services also uses. */
export function assertIdentityError(answer: Answer, status: number, title: string, message: string): void {
  assert.deepEqual(
    { status: answer.status, body: withoutIds(answer.body) },
    { status, body: { error: { code: status, message, title } } },
  );
}

export function assertStatus(answer: Answer, status: number): void {
  assert.equal(answer.status, status, JSON.stringify(answer.body));
}

export interface VolumeWish {
  readonly sizeGiB?: number;
  readonly type?: string;
  readonly metadata?: Record<string, string>;
}

/** A new volume of the caller's project, once it is available. */
export async function newVolume(stage: Stage, caller: Caller, wish: VolumeWish = {}): Promise<string> {
  const volume = {
    size: wish.sizeGiB ?? 1,
    name: stage.name("vol"),
    metadata: wish.metadata ?? {},
    ...(wish.type === undefined ? {} : { volume_type: wish.type }),
  };
  const made = await stage.storage(caller, "POST", "/volumes", { volume });
  assertStatus(made, 202);
  const id = text(made.body, "volume.id");
  await volumeBecomes(stage, caller, id, "available");
  return id;
}

export const volumeBecomes = (stage: Stage, caller: Caller, id: string, status: string): Promise<Answer> =>
  stage.until(
    `volume ${status}`,
    () => stage.storage(caller, "GET", `/volumes/${id}`),
    (a) => at(a.body, "volume.status") === status,
  );

export const backupBecomes = (stage: Stage, caller: Caller, id: string, status: string): Promise<Answer> =>
  stage.until(
    `backup ${status}`,
    () => stage.storage(caller, "GET", `/backups/${id}`),
    (a) => at(a.body, "backup.status") === status,
  );

export const snapshotBecomes = (stage: Stage, caller: Caller, id: string, status: string): Promise<Answer> =>
  stage.until(
    `snapshot ${status}`,
    () => stage.storage(caller, "GET", `/snapshots/${id}`),
    (a) => at(a.body, "snapshot.status") === status,
  );

export const isGone = (stage: Stage, caller: Caller, path: string): Promise<Answer> =>
  stage.until(
    `${path} to be gone`,
    () => stage.storage(caller, "GET", path),
    (a) => a.status === 404,
  );

export const postBackup = (
  stage: Stage,
  caller: Caller,
  backup: Record<string, unknown>,
  version?: string,
): Promise<Answer> => stage.storage(caller, "POST", "/backups", { backup }, version);

/** A backup, once it is available. */
export async function newBackup(
  stage: Stage,
  caller: Caller,
  volumeId: string,
  more: Record<string, unknown> = {},
): Promise<string> {
  const made = await postBackup(stage, caller, { volume_id: volumeId, ...more });
  assertStatus(made, 202);
  const id = text(made.body, "backup.id");
  await backupBecomes(stage, caller, id, "available");
  return id;
}

/** A snapshot, once it is available. */
export async function newSnapshot(stage: Stage, caller: Caller, volumeId: string): Promise<string> {
  const made = await stage.storage(caller, "POST", "/snapshots", {
    snapshot: { volume_id: volumeId, name: stage.name("snap") },
  });
  assertStatus(made, 202);
  const id = text(made.body, "snapshot.id");
  await snapshotBecomes(stage, caller, id, "available");
  return id;
}

/** A volume that Cinder holds for in use; nothing has it mounted. */
export async function newInUseVolume(stage: Stage, caller: Caller): Promise<string> {
  const id = await newVolume(stage, caller);
  const attach = { "os-attach": { instance_uuid: "11111111-2222-4333-8444-555555555555", mountpoint: "/dev/vdb" } };
  assertStatus(await stage.storage(caller, "POST", `/volumes/${id}/action`, attach), 202);
  await volumeBecomes(stage, caller, id, "in-use");
  return id;
}

export async function resetStatus(
  stage: Stage,
  kind: "backups" | "volumes" | "snapshots",
  id: string,
  status: string,
): Promise<void> {
  assertStatus(await stage.storage(stage.ops, "POST", `/${kind}/${id}/action`, { "os-reset_status": { status } }), 202);
}

export interface ServerWish {
  readonly metadata?: Record<string, string>;
}

/** A server booted from a volume of its own, once it is active. */
export async function newServer(
  stage: Stage,
  caller: Caller,
  wish: ServerWish = {},
): Promise<{ id: string; volumeId: string }> {
  const volumeId = await newVolume(stage, caller);
  assertStatus(
    await stage.storage(caller, "POST", `/volumes/${volumeId}/action`, { "os-set_bootable": { bootable: true } }),
    200,
  );
  const disk = { uuid: volumeId, source_type: "volume", destination_type: "volume", boot_index: 0 };
  const server = {
    name: stage.name("vm"),
    flavorRef: "3",
    imageRef: "",
    networks: "none",
    metadata: wish.metadata ?? {},
    block_device_mapping_v2: [disk],
  };
  const made = await stage.compute(caller, "POST", "/servers", { server });
  assertStatus(made, 202);
  const id = text(made.body, "server.id");
  await stage.until(
    "server ACTIVE",
    () => stage.compute(caller, "GET", `/servers/${id}`),
    (a) => at(a.body, "server.status") === "ACTIVE",
  );
  await volumeBecomes(stage, caller, volumeId, "in-use");
  return { id, volumeId };
}

export async function serverAction(
  stage: Stage,
  caller: Caller,
  id: string,
  action: Record<string, unknown>,
): Promise<void> {
  assertStatus(await stage.compute(caller, "POST", `/servers/${id}/action`, action), 202);
}
