import { unlessGone } from "../not-found.ts";
import type { ServiceClient } from "../service.ts";

/** Adds to the metadata of a volume; other keys stay. */
export const setVolumeMetadata = (
  cinder: ServiceClient,
  { volumeId, metadata }: { volumeId: string; metadata: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<{ requestId: string | null }> =>
  cinder.send({
    method: "POST",
    route: "volumes/{id}/metadata",
    ids: { id: volumeId },
    body: { metadata },
    expect: 200,
    signal,
  });

/** Cinder takes one key at a time. */
export async function removeVolumeMetadata(
  cinder: ServiceClient,
  { volumeId, keys }: { volumeId: string; keys: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  for (const key of keys) {
    const ids = { id: volumeId, key };
    await unlessGone(() =>
      cinder.send({ method: "DELETE", route: "volumes/{id}/metadata/{key}", ids, expect: 200, signal }),
    );
  }
}
