import type { CatalogueEntry } from "../domain/catalogue.ts";
import { kindOf } from "../domain/points.ts";
import type { Backup, Mechanism, Server, Volume } from "../domain/inventory.ts";
import { scanShrank } from "../domain/trust.ts";
import type { Run } from "../domain/runs.ts";
import { ruleInForce } from "../domain/in-force.ts";
import { retentionInForceMs } from "../domain/overrides.ts";
import { readPlatform9 } from "../domain/peers/platform9.ts";
import type { Terms } from "../domain/terms.ts";
import { indexByServer, type VolumesByServer } from "../domain/selection.ts";
import { CloudError } from "../openstack/errors.ts";
import type { Conductor, ConductorSettings } from "./context.ts";
import { listPoints } from "./mechanism.ts";

export interface Inventory {
  readonly servers: readonly Server[];
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly volumeIds: ReadonlySet<string>;
  readonly serversOf: ReadonlyMap<string, readonly Server[]>;
  readonly volumesByServer: VolumesByServer;
  /** Ids of the snapshots that volumes were made from. */
  readonly cloneSources: ReadonlySet<string>;
}

/** Servers and volumes of the whole cloud, page by page, and what is looked up in them for each project. Throws when a page fails: a partial inventory is none. */
export async function scanInventory({ reader }: Conductor, signal: AbortSignal): Promise<Inventory> {
  const servers = await Array.fromAsync(reader.listServers(signal));
  const volumes = new Map<string, Volume>();
  for await (const volume of reader.listVolumes(signal)) volumes.set(volume.id, volume);
  return {
    servers,
    volumes,
    volumeIds: new Set(volumes.keys()),
    serversOf: Map.groupBy(servers, (server) => server.projectId),
    volumesByServer: indexByServer(volumes.values()),
    cloneSources: new Set([...volumes.values()].flatMap(({ snapshotId }) => snapshotId ?? [])),
  };
}

export interface PointScan {
  readonly points: readonly Backup[];
  /** Whether Cinder showed that it treats the reader as an admin: `all_tenants` without admin rights answers 200 with one's own project only. */
  readonly proven: boolean;
}

/** The restore points of one mechanism in the whole cloud, everybody's. Throws when a page fails. */
export async function scanPoints(
  conductor: Pick<Conductor, "reader" | "repository">,
  mechanism: Mechanism,
  signal: AbortSignal,
): Promise<PointScan> {
  const rows = await Array.fromAsync(listPoints(conductor.reader, mechanism, {}, signal));
  const proven = await isProven(conductor, mechanism, rows, signal);
  return { points: await withoutTemporaries(conductor, mechanism, rows), proven };
}

/** What the database knows as a temporary snapshot is no restore point, whatever a tenant has written on it since. */
export async function withoutTemporaries(
  { repository }: Pick<Conductor, "repository">,
  mechanism: Mechanism,
  rows: readonly Backup[],
): Promise<readonly Backup[]> {
  if (mechanism === "backup" || rows.length === 0) return rows;
  const known = new Set((await repository.jobs({ temporaryLeft: true })).map(({ temporaryId }) => temporaryId));
  return known.size === 0 ? rows : rows.filter(({ id }) => !known.has(id));
}

/**
 * Whether rows that were just listed, of one mechanism, are what an admin sees. Of backups only admins see `os-backup-project-attr:project_id`, and without a row
 * there is no proof. Members see the projects of snapshots, too; there it is asked for what Cinder shows to admins only.
 */
export async function isProven(
  { reader }: Pick<Conductor, "reader">,
  mechanism: Mechanism,
  rows: readonly Backup[],
  signal: AbortSignal,
): Promise<boolean> {
  if (!rows.every((row) => row.projectId !== null)) return false;
  if (mechanism === "backup") return rows.length > 0;
  try {
    await reader.backupServices(signal);
    return true;
  } catch (error) {
    if (error instanceof CloudError && (error.status === 403 || error.status === 401)) return false;
    throw error;
  }
}

/** Ids of the users whose marked backups are ours. */
export async function ourUserIds(conductor: Conductor, signal: AbortSignal): Promise<ReadonlySet<string>> {
  return new Set([...conductor.settings.userIds, await conductor.writer.userId(signal)]);
}

/** Ours = created by one of our users, or adopted by a row of the catalogue, *and* marked (design, "Who may be believed"). */
export const isOurs = (
  backup: Backup,
  userIds: ReadonlySet<string>,
  entry: Pick<CatalogueEntry, "adopted"> | null = null,
): boolean => kindOf(backup, userIds, entry) === "ours";

/**
 * By what the existing points of the cloud's volumes are kept: the policies that there are now, and what the volumes and their servers ask for. A volume
 * that is gone has what its policies say.
 */
export function retentionTerms(
  { servers, volumes }: Pick<Inventory, "servers" | "volumes">,
  { policy, selection }: Pick<ConductorSettings, "policy" | "selection">,
  policyOf: Terms["policyOf"],
): Terms {
  const byId = new Map(servers.map((server) => [server.id, server]));
  return {
    policy,
    policyOf,
    inForceOf: (volumeId, of) => {
      const volume = volumes.get(volumeId) ?? null;
      const attachedTo = (volume?.serverIds ?? []).flatMap((id) => byId.get(id) ?? []);
      const asking = volume === null ? attachedTo : [volume, ...attachedTo];
      const counts = asking.flatMap(({ metadata }) => readPlatform9(metadata).counts.get(of.name) ?? []);
      return {
        retentionMs: retentionInForceMs({ volume, servers: attachedTo, policy: of, selection }),
        thinning: ruleInForce(of, counts.length === 0 ? null : Math.max(...counts)),
      };
    },
  };
}

/** After this long a smaller cloud is believed to be smaller. */
const shrinkBelievedMs = 24 * 60 * 60 * 1000;

/**
 * Why a scan is not taken for the whole cloud, so that nothing may be deleted; `null` when it is.
 * @param lastGood the newest run whose scan was whole
 */
export function whyPartial({ servers, volumes }: Inventory, now: Date, lastGood: Run | undefined): string | null {
  // Since compute 2.69 Nova lists the servers of a cell that is down with their ids only.
  const unreachable = servers.filter((server) => server.status === "UNKNOWN").length;
  if (unreachable > 0) return `Nova knows only the ids of ${unreachable} servers: a cell is down`;
  if (lastGood?.servers == null || lastGood.volumes === null) return null;
  const before = { servers: lastGood.servers, volumes: lastGood.volumes };
  const size = { servers: servers.length, volumes: volumes.size };
  if (!scanShrank({ ...size, lastGood: before })) return null;
  if (Number(now) - Number(lastGood.startedAt) >= shrinkBelievedMs) return null;
  return (
    `the cloud looks over 20% smaller than before: ${size.servers} servers after ${before.servers}, ` +
    `${size.volumes} volumes after ${before.volumes}; believed when it has lasted a day`
  );
}
