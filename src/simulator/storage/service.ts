import type { Exchange } from "../exchange.ts";
import { accessRulesAllow } from "../identity/access-rules.ts";
import { unauthorized } from "../identity/call.ts";
import { microversionOf } from "../microversion.ts";
import { fault, noSuchRoute, Refusal, type Reply } from "../reply.ts";
import { Router } from "../router.ts";
import type { World } from "../world.ts";
import * as backups from "./backups.ts";
import type { StorageHandler } from "./call.ts";
import * as misc from "./misc.ts";
import * as quotas from "./quotas.ts";
import * as snapshots from "./snapshots.ts";
import { volumeAction } from "./volume-actions.ts";
import * as volumes from "./volumes.ts";

const range = { type: "volume", major: 3, minMinor: 0, maxMinor: 70 };

const routes: readonly (readonly [string, string, StorageHandler])[] = [
  ["GET", "backups", backups.listBackups],
  ["GET", "backups/detail", backups.listBackupsDetail],
  ["POST", "backups", backups.createBackup],
  ["GET", "backups/{id}", backups.showBackup],
  ["PUT", "backups/{id}", backups.updateBackup],
  ["DELETE", "backups/{id}", backups.deleteBackup],
  ["POST", "backups/{id}/restore", backups.restoreBackup],
  ["POST", "backups/{id}/action", backups.backupAction],
  ["GET", "volumes", volumes.listVolumes],
  ["GET", "volumes/detail", volumes.listVolumesDetail],
  ["POST", "volumes", volumes.createVolume],
  ["GET", "volumes/{id}", volumes.showVolume],
  ["PUT", "volumes/{id}", volumes.updateVolume],
  ["DELETE", "volumes/{id}", volumes.deleteVolume],
  ["POST", "volumes/{id}/action", volumeAction],
  ["GET", "volumes/{id}/metadata", volumes.showVolumeMetadata],
  ["POST", "volumes/{id}/metadata", volumes.mergeVolumeMetadata],
  ["PUT", "volumes/{id}/metadata", volumes.replaceVolumeMetadata],
  ["DELETE", "volumes/{id}/metadata/{key}", volumes.deleteVolumeMetadataItem],
  ["GET", "snapshots", snapshots.listSnapshots],
  ["GET", "snapshots/detail", snapshots.listSnapshotsDetail],
  ["POST", "snapshots", snapshots.createSnapshot],
  ["GET", "snapshots/{id}", snapshots.showSnapshot],
  ["PUT", "snapshots/{id}", snapshots.updateSnapshot],
  ["DELETE", "snapshots/{id}", snapshots.deleteSnapshot],
  ["POST", "snapshots/{id}/action", snapshots.snapshotAction],
  ["GET", "snapshots/{id}/metadata", snapshots.showSnapshotMetadata],
  ["POST", "snapshots/{id}/metadata", snapshots.mergeSnapshotMetadata],
  ["PUT", "snapshots/{id}/metadata", snapshots.replaceSnapshotMetadata],
  ["DELETE", "snapshots/{id}/metadata/{key}", snapshots.deleteSnapshotMetadataItem],
  ["GET", "os-quota-sets/{target}", quotas.showQuota],
  ["PUT", "os-quota-sets/{target}", quotas.updateQuota],
  ["DELETE", "os-quota-sets/{target}", quotas.deleteQuota],
  ["GET", "os-services", misc.listServices],
  ["GET", "messages", misc.listMessages],
  ["GET", "types", misc.listTypes],
  ["POST", "types", misc.createType],
  ["DELETE", "types/{id}", misc.deleteType],
  ["GET", "resource_filters", misc.listResourceFilters],
];

const router = new Router<StorageHandler>();
for (const [method, route, handler] of routes) router.add(method, route, handler);

const versions = (base: string) => [
  {
    id: "v3.0",
    status: "CURRENT",
    version: "3.70",
    min_version: "3.0",
    updated: "2022-08-31T00:00:00Z",
    links: [
      { rel: "describedby", type: "text/html", href: "https://docs.openstack.org/" },
      { rel: "self", href: `${base}/v3/` },
    ],
    "media-types": [{ base: "application/json", type: "application/vnd.openstack.volume+json;version=3" }],
  },
];

/** What Cinder takes for a project id in the URL. */
const projectId = /^[0-9a-f-]+$/;

/** Cinder: answers one request. */
export function answerStorage(world: World, exchange: Exchange): Reply {
  if (exchange.segments.length === 0) return { status: 300, body: { versions: versions(exchange.base) } };
  if (exchange.path === "/v3" || exchange.path === "/v3/") {
    exchange.route = "v3";
    return { status: 200, body: { versions: versions(exchange.base) } };
  }
  const auth = world.identity.validate(exchange.header("x-auth-token"));
  if (auth?.project === undefined || !accessRulesAllow(world.identity, auth.token, exchange)) {
    const { reply } = unauthorized();
    throw new Refusal({
      ...reply,
      headers: { "WWW-Authenticate": `Keystone uri="${exchange.base.replace(/\/volume$/, "/identity")}/v3"` },
    });
  }
  exchange.userId = auth.user.id;
  exchange.projectId = auth.project.id;
  const [, second = ""] = exchange.segments;
  const inUrl = projectId.test(second) ? second : undefined;
  const match =
    exchange.segments[0] === "v3"
      ? router.find(exchange.method, exchange.segments.slice(inUrl === undefined ? 1 : 2))
      : undefined;
  if (match === undefined) throw noSuchRoute(exchange.header("accept"));
  exchange.route = match.route;
  const minor = microversionOf(exchange, range);
  const headers = { "OpenStack-API-Version": `volume 3.${minor}`, Vary: "OpenStack-API-Version" };
  const tail = inUrl === undefined ? "" : `/${inUrl}`;
  try {
    if (inUrl !== undefined && inUrl !== auth.project.id) throw fault(400, "Malformed request url");
    const call = { world, exchange, params: match.params, auth, project: auth.project, minor };
    const reply = match.handler({
      ...call,
      linkBase: `${exchange.base}/v3${tail}`,
      bookmarkBase: `${exchange.base}${tail}`,
    });
    return { ...reply, headers: { ...reply.headers, ...headers } };
  } catch (error) {
    if (error instanceof Refusal)
      throw new Refusal({ ...error.reply, headers: { ...error.reply.headers, ...headers } });
    throw error;
  }
}

export const storageUnavailable = () => fault(503, "The service is unavailable.");
