import { isTagged } from "../../domain/selection.ts";
import type { Project, Server } from "../../domain/inventory.ts";
import {
  AuthenticationFailed,
  CloudError,
  CloudUnfit,
  isAborted,
  NoProjectAccess,
  SingleProjectMode,
} from "../../openstack/errors.ts";
import type { Needless } from "../../openstack/inspection.ts";
import type { Clouds } from "../../openstack/open.ts";
import { StoreError } from "../../store/errors.ts";
import type { SchemaStatus } from "../../store/migrations.ts";
import type { Context } from "../command.ts";
import { compressionState } from "../compression.ts";
import type { CinderRights, Examination, Problem, ProtectedProject, Seen } from "./examination.ts";

const kindOf = (error: CloudError): Problem["kind"] => {
  if (error instanceof AuthenticationFailed) return "authentication";
  if (error instanceof SingleProjectMode) return "single_project";
  if (error instanceof NoProjectAccess) return "no_access";
  if (error instanceof CloudUnfit) return "unfit";
  if (error.status !== null && error.status >= 400 && error.status < 500) return "refused";
  return error.kind === "network" || error.kind === "timeout" || error.kind === "answer" ? "unavailable" : "other";
};

/** Services end their messages with a full stop or not; the findings bring their own. */
const sentence = (error: Error): string => error.message.replace(/\.$/, "");

/** Runs one question; what went wrong is an answer, too. Only a signal ends the examination. */
async function see<T>(ask: () => Promise<T>): Promise<Seen<T>> {
  try {
    return { value: await ask() };
  } catch (error) {
    if (isAborted(error)) throw error;
    if (error instanceof CloudError) return { problem: { kind: kindOf(error), message: sentence(error) } };
    if (error instanceof StoreError) return { problem: { kind: "other", message: sentence(error) } };
    throw error;
  }
}

const firstOf = async <T>(rows: AsyncIterable<T>): Promise<T | null> => {
  for await (const row of rows) return row;
  return null;
};

async function cinderRights({ reader }: Clouds, signal: AbortSignal): Promise<CinderRights> {
  const backup = await firstOf(reader.listBackups({}, signal));
  const volume = await firstOf(reader.listVolumes(signal));
  const rights = (isAdmin: boolean): "admin" | "member" => (isAdmin ? "admin" : "member");
  return {
    backups: backup === null ? null : rights(backup.projectId !== null),
    volumes: volume === null ? null : rights(volume.pool !== null),
  };
}

async function protectedProjects(
  clouds: Clouds,
  { tagged, projects }: { tagged: readonly Server[]; projects: readonly Project[] },
  signal: AbortSignal,
): Promise<ProtectedProject[]> {
  const byId = new Map(projects.map((project) => [project.id, project]));
  const ids = [...new Set(tagged.map(({ projectId }) => projectId))];
  // The client's own limit keeps Keystone from being asked for all tokens at once.
  return Promise.all(
    ids.map(async (id) => ({
      id,
      project: byId.get(id) ?? null,
      grant: await see(() => clouds.inspection.grant("writer", id, signal)),
    })),
  );
}

/** Asks the cloud and the database what `doctor` wants to know. Nothing is changed anywhere. */
export async function examine(
  clouds: Clouds,
  schemaStatus: () => Promise<SchemaStatus>,
  context: Context,
): Promise<Examination> {
  const settings = context.settings();
  const { reader, writer } = context.connections();
  const { inspection } = clouds;
  const signal = context.signals.cut;

  context.output.progress("logging in");
  const readerGrant = await see(() => inspection.grant("reader", null, signal));
  const writerGrant = reader === writer ? readerGrant : await see(() => inspection.grant("writer", null, signal));
  // A credential that is not accepted is tried once only: Keystone may lock its user after a few failures.
  const asReader = <T>(ask: () => Promise<T>): Promise<Seen<T>> =>
    "problem" in readerGrant ? Promise.resolve(readerGrant) : see(ask);
  const writerIsRefused = "problem" in writerGrant && writerGrant.problem.kind === "authentication";

  context.output.progress("reading servers, volumes and backups");
  const listed = await asReader(() => Array.fromAsync(clouds.reader.listServers(signal)));
  const tagged = "value" in listed ? listed.value.filter((server) => isTagged(server, settings.selection)) : [];
  const projects = await asReader(() => clouds.reader.projects(signal));
  const rights = await asReader(() => cinderRights(clouds, signal));
  const backupServices = await asReader(() => clouds.reader.backupServices(signal));

  context.output.progress("checking what the credentials may do");
  const needless = async (what: Needless): Promise<Seen<number>> => asReader(() => inspection.needless(what, signal));
  const examination: Examination = {
    oneCredential: reader === writer,
    verifiesCertificates: [reader, writer].every((each) => each.verify || !each.authUrl.startsWith("https:")),
    readerGrant,
    writerGrant,
    computeVersion: await asReader(() => inspection.microversion("compute", signal)),
    blockStorageVersion: await asReader(() => inspection.microversion("block-storage", signal)),
    servers: "value" in listed ? { value: { all: listed.value.length, tagged: tagged.length } } : listed,
    cinderRights: rights,
    backupServices,
    needless: {
      users: await needless("users"),
      flavors: await needless("flavors"),
      volumeTypes: await needless("volumeTypes"),
      volumeTypesAsService: await needless("volumeTypesAsService"),
    },
    projects: writerIsRefused
      ? []
      : await protectedProjects(clouds, { tagged, projects: "value" in projects ? projects.value : [] }, signal),
    clockAheadMs: {
      identity: aheadMs(clouds, "identity", context),
      compute: aheadMs(clouds, "compute", context),
      "block-storage": aheadMs(clouds, "block-storage", context),
    },
    schema: await see(schemaStatus),
    compression: await compressionState(settings, context.io, signal),
    settleTimeMs: settings.openstack.settleTimeMs,
    longestTimeoutMs: Math.max(reader.timeoutMs, writer.timeoutMs),
    tag: settings.selection.tagKey,
  };
  context.output.progress(null);
  return examination;
}

function aheadMs(
  { reader }: Clouds,
  service: "identity" | "compute" | "block-storage",
  { clock }: Context,
): number | null {
  const date = reader.serviceDate(service);
  return date === null ? null : clock.now().getTime() - date.getTime();
}
