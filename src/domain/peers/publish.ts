import { compareText } from "../compare.ts";
import type { Policy } from "../policy.ts";

/** Cinder's limit for a metadata value. */
const valueLength = 255;

/**
 * What Platform9's three kinds of keys on a volume should say of the policies that make snapshots of it, as far as they do not say it already. Nothing is
 * written where nothing is true and nothing was said.
 * @param policies all that protect the volume
 * @returns what is to be added or changed; empty for nothing
 */
export function publicationOf(
  policies: readonly Policy[],
  metadata: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const shown = policies
    .filter(({ mechanisms }) => mechanisms.includes("snapshot"))
    .toSorted((a, b) => compareText(a.name, b.name));
  if (shown.length === 0) return metadata["auto_snapshot"] === "true" ? { auto_snapshot: "false" } : {};
  const names = shown.map(({ name }) => name).join(",");
  const wanted: Record<string, string> = {
    auto_snapshot: "true",
    ...(names.length <= valueLength ? { snapshot_policies: names } : {}),
  };
  for (const { name, thinning } of shown) {
    const count = thinning?.last ?? 0;
    // Platform9 knows counts only.
    if (count > 0) wanted[`retention_${name}`] = String(count);
  }
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => metadata[key] !== value));
}
