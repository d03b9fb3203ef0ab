import type { Server, Volume } from "../domain/inventory.ts";
import { asksToSkip, volumesOf } from "../domain/selection.ts";
import type { Selection } from "../domain/policy.ts";
import type { Inventory } from "../conductor/scan.ts";
import { UsageError } from "./exit-codes.ts";

/** What `protect` was asked for. */
export type Target =
  { readonly kind: "server"; readonly server: Server } | { readonly kind: "volume"; readonly volume: Volume };

/**
 * Finds a server or volume by its id, or by its name when only one has it.
 * @throws UsageError that lists what the name may mean
 */
export function findTarget({ servers, volumes }: Pick<Inventory, "servers" | "volumes">, text: string): Target {
  const byId = servers.find(({ id }) => id === text);
  if (byId !== undefined) return { kind: "server", server: byId };
  const volume = volumes.get(text);
  if (volume !== undefined) return { kind: "volume", volume };
  const found: Target[] = [
    ...servers.filter(({ name }) => name === text).map((server) => ({ kind: "server" as const, server })),
    ...[...volumes.values()]
      .filter(({ name }) => name === text)
      .map((each) => ({ kind: "volume" as const, volume: each })),
  ];
  const [first] = found;
  if (first === undefined) {
    throw new UsageError(
      `no server and no volume has the id or name ${JSON.stringify(text)}; names are compared exactly`,
    );
  }
  if (found.length > 1) {
    const shown = found.slice(0, 20).map(describeTarget);
    const rest = found.length > 20 ? `, and ${found.length - 20} more` : "";
    throw new UsageError(
      `${JSON.stringify(text)} is the name of ${found.length}: ${shown.join("; ")}${rest}; name one by its id`,
    );
  }
  return first;
}

function describeTarget(target: Target): string {
  const { id, projectId } = target.kind === "server" ? target.server : target.volume;
  return `${target.kind} ${id} in project ${projectId}`;
}

/** The volumes of a target, and those of a server that its owner wants left out. A volume that is named itself is asked for in any case. */
export function volumesOfTarget(
  target: Target,
  { volumes, volumesByServer }: Pick<Inventory, "volumes" | "volumesByServer">,
  { selection, force }: { selection: Selection; force: boolean },
): { readonly volumeIds: readonly string[]; readonly left: readonly Volume[] } {
  if (target.kind === "volume") return { volumeIds: [target.volume.id], left: [] };
  const all = volumesOf(target.server, volumesByServer);
  const left = force
    ? []
    : all.flatMap((id) => volumes.get(id) ?? []).filter((volume) => asksToSkip(volume, selection));
  const leftIds = new Set(left.map(({ id }) => id));
  return { volumeIds: all.filter((id) => !leftIds.has(id)), left };
}
