import type { Skip } from "../domain/planner.ts";
import type { Cycle } from "./cycle-state.ts";

/** Volumes that a policy would protect, had the operators not left them out. */
export function leftOut({ assignment, inventory }: Pick<Cycle, "assignment" | "inventory">): Skip[] {
  const names = new Map(inventory.servers.map(({ id, name }) => [id, name]));
  return [...assignment.excluded].map(([volumeId, message]) => {
    const volume = inventory.volumes.get(volumeId);
    const serverId = volume?.serverIds[0] ?? "";
    return {
      reason: "excluded",
      policy: "",
      mechanism: "backup",
      key: volumeId,
      projectId: volume?.projectId ?? "",
      serverId,
      serverName: names.get(serverId) ?? "",
      volumeId,
      volumeName: volume?.name ?? "",
      message,
    };
  });
}
