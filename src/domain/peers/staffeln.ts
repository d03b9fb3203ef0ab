import type { Backup } from "../inventory.ts";

/**
 * Whether a backup is named as Staffeln names its backups: `<server>_<volume id>_<seconds since 1970>`. Nothing else marks them, and anybody may give such a
 * name: who created it decides.
 */
export function isNamedByStaffeln({
  mechanism,
  name,
  volumeId,
}: Pick<Backup, "mechanism" | "name" | "volumeId">): boolean {
  const ending = /_(\d{9,11})$/.exec(name);
  return mechanism === "backup" && ending !== null && name.slice(0, ending.index).endsWith(`_${volumeId}`);
}
