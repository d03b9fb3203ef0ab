import { publicationOf } from "../domain/peers/publish.ts";
import type { Policy } from "../domain/policy.ts";
import { CloudError, NoProjectAccess } from "../openstack/errors.ts";
import type { Conductor } from "./context.ts";
import type { LeaseKeeper } from "./lease.ts";
import type { Inventory } from "./scan.ts";

/**
 * Writes Platform9's keys on volumes for whatever else reads them: merged, only where they differ, with tokens of the volumes' projects. We never read them back. A volume
 * that cannot be written is a warning, and is tried again in the next cycle; so is a project in which the writer has no role, whose other volumes are not tried.
 * @param assigned the volumes that each policy protects
 */
export async function publishAssignment(
  { log, writer }: Pick<Conductor, "log" | "writer">,
  lease: LeaseKeeper,
  input: {
    readonly volumes: Inventory["volumes"];
    readonly assigned: ReadonlyMap<Policy, readonly { readonly volumeIds: readonly string[] }[]>;
  },
  signal: AbortSignal,
): Promise<void> {
  const policiesOf = new Map<string, Policy[]>();
  for (const [policy, targets] of input.assigned) {
    for (const id of targets.flatMap(({ volumeIds }) => volumeIds)) {
      const policies = policiesOf.get(id);
      if (policies === undefined) policiesOf.set(id, [policy]);
      else policies.push(policy);
    }
  }
  const closed = new Set<string>();
  for (const { id, metadata, projectId } of input.volumes.values()) {
    if (closed.has(projectId)) continue;
    const values = publicationOf([...new Set(policiesOf.get(id) ?? [])], metadata);
    if (Object.keys(values).length === 0) continue;
    await lease.prove();
    try {
      await writer.forProject(projectId).setVolumeMetadata(id, values, signal);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      if (error instanceof NoProjectAccess) closed.add(projectId);
      log.warn(
        { error, projectId, volumeId: id },
        "what protects a volume could not be written on it; tried in the next cycle",
      );
    }
  }
}
