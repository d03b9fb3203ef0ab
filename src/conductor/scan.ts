import { isMarked } from "../domain/marks.ts";
import type { Backup, Server, Volume } from "../domain/inventory.ts";
import { retentionInForceMs } from "../domain/overrides.ts";
import type { Conductor, ConductorSettings } from "./context.ts";

export interface Inventory {
  readonly servers: readonly Server[];
  readonly volumes: ReadonlyMap<string, Volume>;
}

/** Servers and volumes of the whole cloud, page by page. Throws when a page fails: a partial inventory is none. */
export async function scanInventory({ reader }: Conductor, signal: AbortSignal): Promise<Inventory> {
  const servers = await Array.fromAsync(reader.listServers(signal));
  const volumes = new Map<string, Volume>();
  for await (const volume of reader.listVolumes(signal)) volumes.set(volume.id, volume);
  return { servers, volumes };
}

export interface BackupScan {
  readonly backups: readonly Backup[];
  /**
   * Whether Cinder showed that it treats the reader as an admin. `all_tenants` without admin rights answers 200 with one's own project only; but
   * only admins see `os-backup-project-attr:project_id`. Without a row there is no proof.
   */
  readonly proven: boolean;
}

/** All backups of the cloud. Throws when a page fails. */
export async function scanBackups({ reader }: Conductor, signal: AbortSignal): Promise<BackupScan> {
  const backups = await Array.fromAsync(reader.listBackups({}, signal));
  return { backups, proven: backups.length > 0 && backups.every((b) => b.projectId !== null) };
}

/** Ids of the users whose marked backups are ours. */
export async function ourUserIds(conductor: Conductor, signal: AbortSignal): Promise<ReadonlySet<string>> {
  return new Set([...conductor.settings.userIds, await conductor.writer.userId(signal)]);
}

/** Ours = created by one of our users *and* marked (design, "Who may be believed"). */
export const isOurs = (backup: Backup, userIds: ReadonlySet<string>): boolean =>
  backup.userId !== null && userIds.has(backup.userId) && isMarked(backup.metadata);

/** The retention in force for a volume's existing points, by its id. A volume that is gone has the policy's. */
export function retentionInForce(
  { servers, volumes }: Inventory,
  { policy, selection }: Pick<ConductorSettings, "policy" | "selection">,
): (volumeId: string) => number {
  const byId = new Map(servers.map((server) => [server.id, server]));
  return (volumeId) => {
    const volume = volumes.get(volumeId) ?? null;
    const attachedTo = (volume?.serverIds ?? []).flatMap((id) => byId.get(id) ?? []);
    return retentionInForceMs({ volume, servers: attachedTo, policy, selection });
  };
}
