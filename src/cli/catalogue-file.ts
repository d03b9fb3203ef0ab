import type { CatalogueFileDeps } from "../conductor/catalogue-file.ts";
import type { Context } from "./command.ts";
import type { OpenedConductor } from "./open-conductor.ts";

/** What keeping the policy hook's file needs. Null: no policy hook reads a file. */
export function catalogueFileDeps(context: Context, { conductor }: OpenedConductor): CatalogueFileDeps | null {
  const path = context.settings().conductor.catalogueFile;
  const { repository, clock, log } = conductor;
  return path === null ? null : { path, repository, clock, io: context.io, log };
}
