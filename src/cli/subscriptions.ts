import { Option } from "commander";
import type { Volume } from "../domain/inventory.ts";
import type { Clouds } from "../openstack/open.ts";
import { CloudError, isAborted, NoProjectAccess } from "../openstack/errors.ts";
import type { Context } from "./command.ts";
import { CommandError, exit, UsageError, type ExitCode } from "./exit-codes.ts";

export const volumeIdOption = (flag = "--volume-id"): Option =>
  new Option(`${flag} <id...>`, "the volume; several are given as several")
    .argParser((id: string, before: readonly string[] | undefined) => [...(before ?? []), id])
    .makeOptionMandatory();

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** The ids of the command line, each once. @throws UsageError */
export function volumeIds(given: readonly string[], flag = "--volume-id"): readonly string[] {
  const wrong = given.filter((id) => !uuid.test(id));
  if (wrong.length > 0) throw new UsageError(`${flag} ${wrong.join(", ")}: not the id of a volume`);
  return [...new Set(given.map((id) => id.toLowerCase()))];
}

/** Finds the volumes in whatever project they are. @throws CommandError when one is missing */
export async function findVolumes(
  { reader }: Clouds,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<readonly Volume[]> {
  const missing = new Set(ids);
  const found: Volume[] = [];
  for await (const volume of reader.listVolumes(signal)) {
    if (!missing.delete(volume.id)) continue;
    found.push(volume);
    if (missing.size === 0) break;
  }
  if (missing.size > 0) {
    throw new CommandError(exit.failed, `there is no volume ${[...missing].join(", ")}; nothing was written`);
  }
  return found.toSorted((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
}

/** What became of one volume; `error` is `null` where it was done. */
export interface Written {
  readonly volume: Volume;
  readonly error: string | null;
}

/** Writes to each volume with a token of its project. What goes wrong with one is said, and the others go on. */
export async function writeToEach(
  context: Context,
  volumes: readonly Volume[],
  write: (volume: Volume) => Promise<unknown>,
): Promise<readonly Written[]> {
  const written: Written[] = [];
  for (const volume of volumes) {
    try {
      await write(volume);
      written.push({ volume, error: null });
    } catch (error) {
      if (!(error instanceof CloudError) || isAborted(error)) throw error;
      written.push({ volume, error: describe(error, volume) });
      context.output.note(`volume ${volume.id}: ${describe(error, volume)}`);
    }
  }
  return written;
}

const describe = (error: CloudError, { projectId }: Volume): string =>
  error instanceof NoProjectAccess
    ? `${error.message}; it needs the role member in project ${projectId}`
    : error.message;

export function exitOf(written: readonly Written[]): ExitCode {
  const failed = written.filter(({ error }) => error !== null).length;
  if (failed === 0) return exit.ok;
  return failed === written.length ? exit.failed : exit.partial;
}
