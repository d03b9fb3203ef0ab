import type { CloudParameters } from "../domain/connection.ts";
import type { CloudDeps } from "./deps.ts";
import { openWiring } from "./open.ts";
import { ServiceClient } from "./service.ts";

/**
 * What nobody but an admin may do, with a credential that an operator names for one command. The conductor has none of this.
 * Every method rejects with a {@link import("./errors.ts").CloudError}.
 */
export interface SnapshotAdmin {
  /** In whatever state it is, whoever's it is. Accepted, not done. */
  forceDeleteSnapshot(id: string, signal: AbortSignal): Promise<{ requestId: string | null }>;
  close(): void;
}

/** @throws ConnectionError */
export async function openSnapshotAdmin(parameters: CloudParameters, deps: CloudDeps): Promise<SnapshotAdmin> {
  const wiring = await openWiring(parameters, {}, deps);
  const cinder = new ServiceClient("block-storage", null, wiring);
  return {
    forceDeleteSnapshot: (id, signal) =>
      cinder.send({
        method: "POST",
        route: "snapshots/{id}/action",
        ids: { id },
        body: { "os-force_delete": {} },
        expect: 202,
        signal,
      }),
    close: () => wiring.http.close(),
  };
}
