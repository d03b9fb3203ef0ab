import type { Server, Volume } from "./inventory.ts";
import type { Selection } from "./policy.ts";

/** Whether the server asks to be protected. Values are compared without case and surrounding space. */
export const isTagged = (server: Server, selection: Selection): boolean => {
  const value = server.metadata[selection.tagKey];
  return value !== undefined && selection.tagValues.includes(value.trim().toLowerCase());
};

/** Whether the volume asks to be left out: the key is present and not `false`. */
export const asksToSkip = (volume: Volume, selection: Selection): boolean => {
  const value = volume.metadata[selection.skipKey];
  return value !== undefined && value.trim().toLowerCase() !== "false";
};

/** Volumes of a server: Nova's list, then those that only Cinder shows as attached to it (the two are read at different moments). */
export const volumesOf = (server: Server, byServer: VolumesByServer): string[] => [
  ...new Set([...server.volumeIds, ...(byServer.get(server.id) ?? [])]),
];

export type VolumesByServer = ReadonlyMap<string, readonly string[]>;

/** Cinder's attachments by server, made once for many calls of {@link volumesOf}. */
export function indexByServer(volumes: Iterable<Volume>): VolumesByServer {
  const index = new Map<string, string[]>();
  for (const volume of volumes) {
    for (const serverId of volume.serverIds) {
      const ids = index.get(serverId);
      if (ids === undefined) index.set(serverId, [volume.id]);
      else ids.push(volume.id);
    }
  }
  return index;
}
