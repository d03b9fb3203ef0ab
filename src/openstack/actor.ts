import type { CloudParameters } from "../domain/connection.ts";
import { createBackup } from "./block-storage/backups.ts";
import type { CloudDeps } from "./deps.ts";
import { CloudError } from "./errors.ts";
import { unlessGone } from "./not-found.ts";
import { openWiring } from "./open.ts";
import { ServiceClient, type Call } from "./service.ts";

export type GuardedKind = "backup" | "snapshot";

interface Trial extends Pick<Call, "method" | "route" | "expect"> {
  readonly body?: unknown;
}

/**
 * What may be tried on a backup or snapshot, by the rule that Cinder asks for it. Each does the least that the rule guards: a status that the object
 * has already, metadata that matters to nobody but the hook.
 */
const trials = {
  "backup:update": {
    method: "PUT",
    route: "backups/{id}",
    // What a tenant would do to take the marks off.
    body: { backup: { metadata: {} } },
    expect: 200,
  },
  "backup:delete": { method: "DELETE", route: "backups/{id}", expect: 202 },
  "volume_extension:backup_admin_actions:reset_status": {
    method: "POST",
    route: "backups/{id}/action",
    body: { "os-reset_status": { status: "available" } },
    expect: 202,
  },
  "volume_extension:backup_admin_actions:force_delete": {
    method: "POST",
    route: "backups/{id}/action",
    body: { "os-force_delete": {} },
    expect: 202,
  },
  "volume:update_snapshot": {
    method: "PUT",
    route: "snapshots/{id}",
    body: { snapshot: { description: "dirigent doctor policy" } },
    expect: 200,
  },
  "volume:update_snapshot_metadata": {
    method: "POST",
    route: "snapshots/{id}/metadata",
    body: { metadata: { tried: "by dirigent doctor policy" } },
    expect: 200,
  },
  "volume:delete_snapshot_metadata": {
    method: "DELETE",
    route: "snapshots/{id}/metadata/__automated_backup",
    expect: 200,
  },
  "volume:delete_snapshot": { method: "DELETE", route: "snapshots/{id}", expect: 202 },
  "volume_extension:snapshot_admin_actions:reset_status": {
    method: "POST",
    route: "snapshots/{id}/action",
    body: { "os-reset_status": { status: "available" } },
    expect: 202,
  },
  "volume_extension:snapshot_admin_actions:force_delete": {
    method: "POST",
    route: "snapshots/{id}/action",
    body: { "os-force_delete": {} },
    expect: 202,
  },
} as const satisfies Record<string, Trial>;

/** A rule of Cinder's that can be tried. */
export type TriedRule = keyof typeof trials;

/** How Cinder answered a trial. */
export interface TrialAnswer {
  readonly status: number;
  /** It did as it was asked. */
  readonly accepted: boolean;
  /** Cinder's words, where it refused. */
  readonly message: string | null;
}

/** An object as far as a trial wants to know. */
export interface TriedObject {
  readonly status: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * One credential that makes, tries and removes things in Cinder: what `doctor policy` has a member, the writer and an admin do. Every method
 * rejects with a {@link CloudError}.
 */
export interface Actor {
  /** Logs in. */
  whoAmI(signal: AbortSignal): Promise<{ readonly userId: string; readonly projectId: string | null }>;
  /** The same credential in another project. */
  inProject(projectId: string): Actor;
  /** Of 1 GiB. */
  createVolume(name: string, type: string | null, signal: AbortSignal): Promise<string>;
  create(kind: GuardedKind, what: MadeObject, signal: AbortSignal): Promise<string>;
  /** `null` when there is no such volume. */
  volumeStatus(id: string, signal: AbortSignal): Promise<string | null>;
  /** `null` when there is no such object. */
  look(kind: GuardedKind, id: string, signal: AbortSignal): Promise<TriedObject | null>;
  /** Whatever the answer is, it is an answer. @throws CloudError without one */
  attempt(rule: TriedRule, id: string, signal: AbortSignal): Promise<TrialAnswer>;
  deleteVolume(id: string, signal: AbortSignal): Promise<void>;
  close(): void;
}

export interface MadeObject {
  readonly volumeId: string;
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** @throws ConnectionError */
export async function openActor(parameters: CloudParameters, deps: CloudDeps): Promise<Actor> {
  const wiring = await openWiring(parameters, {}, deps);
  const actorIn = (projectId: string | null): Actor => {
    const cinder = new ServiceClient("block-storage", projectId, wiring);
    const idOf = async (call: Call, key: string): Promise<string> =>
      (await cinder.read(call, (body) => body.row(key).text("id"))).value;
    return {
      async whoAmI(signal) {
        const token = await wiring.session.token(projectId, { signal });
        return { userId: token.userId, projectId: token.projectId };
      },
      inProject: actorIn,
      createVolume(name, type, signal) {
        const volume = { name, size: 1, ...(type === null ? {} : { volume_type: type }) };
        return idOf({ method: "POST", route: "volumes", body: { volume }, expect: 202, signal }, "volume");
      },
      async create(kind, { volumeId, name, metadata }, signal) {
        if (kind === "backup") {
          return (await createBackup(cinder, { volumeId, name, metadata, incremental: false }, signal)).id;
        }
        const snapshot = { volume_id: volumeId, name, metadata };
        return idOf({ method: "POST", route: "snapshots", body: { snapshot }, expect: 202, signal }, "snapshot");
      },
      volumeStatus: (id, signal) =>
        unlessGone(async () => {
          const call = { method: "GET", route: "volumes/{id}", ids: { id }, expect: 200, signal } as const;
          return (await cinder.read(call, (body) => body.row("volume").text("status"))).value;
        }),
      look: (kind, id, signal) =>
        unlessGone(async () => {
          const call = { method: "GET", route: `${kind}s/{id}`, ids: { id }, expect: 200, signal } as const;
          const read = await cinder.read(call, (body) => {
            const row = body.row(kind);
            return { status: row.text("status"), metadata: row.texts("metadata") };
          });
          return read.value;
        }),
      async attempt(rule, id, signal) {
        const { method, route, body, expect }: Trial = trials[rule];
        const call = { method, route, ids: { id }, ...(body === undefined ? {} : { body }), expect, signal };
        try {
          await cinder.send(call);
          return { status: expect, accepted: true, message: null };
        } catch (error) {
          if (!(error instanceof CloudError) || error.status === null) throw error;
          return { status: error.status, accepted: error.status < 300, message: error.detail };
        }
      },
      async deleteVolume(id, signal) {
        await cinder.send({ method: "DELETE", route: "volumes/{id}", ids: { id }, expect: 202, signal });
      },
      close: () => wiring.http.close(),
    };
  };
  return actorIn(null);
}
