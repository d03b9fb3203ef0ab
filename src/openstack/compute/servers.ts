import type { Server } from "../../domain/inventory.ts";
import { AllTenantsRefused, CloudError } from "../errors.ts";
import { paginate } from "../pagination.ts";
import type { ServiceClient } from "../service.ts";
import type { Row } from "../wire.ts";

/**
 * The servers of all projects. Nova's metadata filter is refused to admins, so tags are looked at here.
 * @throws AllTenantsRefused
 */
export async function* listServers(
  compute: ServiceClient,
  pageSize: number,
  signal: AbortSignal,
): AsyncGenerator<Server, void, undefined> {
  const query = { all_tenants: "1", limit: String(pageSize) };
  try {
    yield* paginate(compute, { route: "servers/detail", key: "servers", query, read: toServer }, signal);
  } catch (error) {
    if (!(error instanceof CloudError) || error.status !== 403) throw error;
    throw new AllTenantsRefused(error.detail, error);
  }
}

/** Adds to the metadata of a server; other keys stay. Nova refuses (409) while the server is locked or in some states. */
export const setServerMetadata = (
  compute: ServiceClient,
  serverId: string,
  metadata: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ requestId: string | null }> =>
  compute.send({
    method: "POST",
    route: "servers/{id}/metadata",
    ids: { id: serverId },
    body: { metadata },
    expect: 200,
    signal,
  });

const toServer = (row: Row): Server => {
  const status = row.text("status");
  const seen = { id: row.text("id"), projectId: row.text("tenant_id"), status };
  // Of a cell that is down, Nova (2.69) shows only that the server exists.
  if (status === "UNKNOWN" && row.rowOrNull("metadata") === null) {
    return { ...seen, name: "", locked: false, metadata: {}, tags: [], availabilityZone: null, volumeIds: [] };
  }
  return {
    ...seen,
    name: row.text("name"),
    locked: row.flag("locked"),
    metadata: row.texts("metadata"),
    tags: row.listOrNone("tags"), // since 2.26
    availabilityZone: row.textOrNull("OS-EXT-AZ:availability_zone") || null,
    volumeIds: row.rows("os-extended-volumes:volumes_attached").map((volume) => volume.text("id")),
  };
};
