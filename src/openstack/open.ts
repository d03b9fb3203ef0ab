import { readFile } from "node:fs/promises";
import type { CloudParameters } from "../domain/connection.ts";
import { createBackup, deleteBackup, getBackup, listBackups, replaceBackupMetadata } from "./block-storage/backups.ts";
import { listMessages } from "./block-storage/messages.ts";
import { getQuota } from "./block-storage/quota.ts";
import { listBackupServices } from "./block-storage/services.ts";
import {
  createSnapshot,
  deleteSnapshot,
  getSnapshot,
  listSnapshots,
  replaceSnapshotMetadata,
} from "./block-storage/snapshots.ts";
import { removeVolumeMetadata, setVolumeMetadata } from "./block-storage/volume-metadata.ts";
import { listVolumes } from "./block-storage/volumes.ts";
import type { ProjectCloud, ReaderCloud, WriterCloud } from "./cloud.ts";
import { listServers, setServerMetadata } from "./compute/servers.ts";
import type { CloudDeps } from "./deps.ts";
import { ConnectionError, type ServiceName } from "./errors.ts";
import { Http } from "./http.ts";
import { memberAddresses } from "./identity/members.ts";
import { listProjects } from "./identity/projects.ts";
import { inspectionOf, type Inspection } from "./inspection.ts";
import { Limiter } from "./limiter.ts";
import { defaultRetries, type RetryPolicy } from "./retry.ts";
import { ServiceClient, type Wiring } from "./service.ts";
import { Session } from "./session.ts";
import { Versions } from "./versions.ts";

export interface CloudOptions {
  readonly reader: CloudParameters;
  /** The same object as {@link reader}, when one credential does both: then there is one login. */
  readonly writer: CloudParameters;
  /** Rows asked for in a page; 1000 is what services allow at most by default. */
  readonly pageSize?: number;
  /** Requests at once to one service, reader and writer together. */
  readonly concurrency?: number;
  readonly retries?: RetryPolicy;
  /** An answer may be this long. A page of 1000 servers has up to 64 KiB of user data each. */
  readonly maxAnswerBytes?: number;
}

export interface Clouds {
  readonly reader: ReaderCloud;
  readonly writer: WriterCloud;
  /** What only `doctor` asks. */
  readonly inspection: Inspection;
  /** Closes idle connections. Requests in flight fail. */
  close(): void;
}

/** How one credential's requests are sent. */
type WireOptions = Pick<CloudOptions, "concurrency" | "retries" | "maxAnswerBytes">;

/** Requests at once, for each service. */
const limitersOf = ({ concurrency = 8 }: WireOptions): Record<ServiceName, Limiter> => ({
  identity: new Limiter(concurrency),
  compute: new Limiter(concurrency),
  "block-storage": new Limiter(concurrency),
});

/**
 * What the service clients of one credential share. Sends nothing yet.
 * @param options.limiters shared with others that talk to the same cloud
 * @throws ConnectionError when the CA file cannot be read
 */
export async function openWiring(
  parameters: CloudParameters,
  options: WireOptions & { readonly limiters?: Record<ServiceName, Limiter> },
  deps: CloudDeps,
): Promise<Wiring> {
  const http = new Http(
    {
      ...(await caOf(parameters, deps)),
      verify: parameters.verify,
      timeoutMs: parameters.timeoutMs,
      maxAnswerBytes: options.maxAnswerBytes ?? 256 * 1024 * 1024,
      limiters: options.limiters ?? limitersOf(options),
    },
    deps,
  );
  return {
    http,
    session: new Session(parameters, http, deps),
    versions: new Versions(http, deps),
    retries: options.retries ?? defaultRetries,
    deps,
  };
}

/**
 * Opens both roles of one cloud. Sends nothing yet: the first call logs in.
 * @throws ConnectionError when a CA file cannot be read
 */
export async function openClouds(options: CloudOptions, deps: CloudDeps): Promise<Clouds> {
  const { pageSize = 1000 } = options;
  const shared = { ...options, limiters: limitersOf(options) };
  const reader = await openWiring(options.reader, shared, deps);
  const writer = options.writer === options.reader ? reader : await openWiring(options.writer, shared, deps);
  return {
    reader: readerCloud(reader, pageSize),
    writer: writerCloud(writer),
    inspection: inspectionOf({ reader, writer }),
    close: () => {
      reader.http.close();
      writer.http.close();
    },
  };
}

async function caOf({ caFile }: CloudParameters, { io }: CloudDeps): Promise<{ ca?: string }> {
  if (caFile === undefined) return {};
  try {
    return { ca: await io.run({ kind: "file", name: "readCaFile" }, () => readFile(caFile, "utf8")) };
  } catch (cause) {
    throw new ConnectionError(`the CA file ${caFile} cannot be read`, { cause });
  }
}

function readerCloud(wiring: Wiring, pageSize: number): ReaderCloud {
  const identity = new ServiceClient("identity", null, wiring);
  const nova = new ServiceClient("compute", null, wiring);
  const cinder = new ServiceClient("block-storage", null, wiring);
  return {
    listServers: (signal) => listServers(nova, pageSize, signal),
    listVolumes: (signal) => listVolumes(cinder, { pageSize }, signal),
    listSnapshots: (filter, signal) => listSnapshots(cinder, { filter, pageSize }, signal),
    snapshot: (id, signal) => getSnapshot(cinder, id, signal),
    listBackups: (filter, signal) => listBackups(cinder, { filter, pageSize }, signal),
    backup: (id, signal) => getBackup(cinder, id, signal),
    childrenOf: (parentId, signal) => Array.fromAsync(listBackups(cinder, { filter: { parentId }, pageSize }, signal)),
    volumesOf: async (snapshotId, signal) => {
      const volumes = await Array.fromAsync(listVolumes(cinder, { filter: { snapshotId }, pageSize }, signal));
      // A Cinder that took no notice of the filter must not make every volume a child.
      return volumes.flatMap((volume) => (volume.snapshotId === snapshotId ? [volume.id] : []));
    },
    backupServices: (signal) => listBackupServices(cinder, signal),
    messages: (resourceId, signal) => listMessages(cinder, resourceId, signal),
    projects: (signal) => listProjects(identity, signal),
    memberAddresses: (projectId, except, signal) => memberAddresses(identity, { projectId, except }, signal),
    userId: (signal) => userIdOf(wiring, signal),
    serviceDate: (service) => wiring.http.serviceDate(service),
  };
}

const writerCloud = (wiring: Wiring): WriterCloud => ({
  forProject: (projectId) => projectCloud(wiring, projectId),
  userId: (signal) => userIdOf(wiring, signal),
});

const userIdOf = async ({ session }: Wiring, signal: AbortSignal): Promise<string> =>
  (await session.token(null, { signal })).userId;

function projectCloud(wiring: Wiring, projectId: string): ProjectCloud {
  const nova = new ServiceClient("compute", projectId, wiring);
  const cinder = new ServiceClient("block-storage", projectId, wiring);
  return {
    createBackup: (request, signal) => createBackup(cinder, request, signal),
    deleteBackup: (id, signal) => deleteBackup(cinder, id, signal),
    replaceBackupMetadata: (id, metadata, signal) => replaceBackupMetadata(cinder, { id, metadata }, signal),
    backup: (id, signal) => getBackup(cinder, id, signal),
    snapshot: (id, signal) => getSnapshot(cinder, id, signal),
    replaceSnapshotMetadata: (id, metadata, signal) => replaceSnapshotMetadata(cinder, { id, metadata }, signal),
    createSnapshot: (request, signal) => createSnapshot(cinder, request, signal),
    deleteSnapshot: (id, signal) => deleteSnapshot(cinder, id, signal),
    setVolumeMetadata: (volumeId, metadata, signal) => setVolumeMetadata(cinder, { volumeId, metadata }, signal),
    removeVolumeMetadata: (volumeId, keys, signal) => removeVolumeMetadata(cinder, { volumeId, keys }, signal),
    quota: (signal) => getQuota(cinder, projectId, signal),
    setServerMetadata: (serverId, values, signal) => setServerMetadata(nova, serverId, values, signal),
  };
}
