import { open, readFile, rename, rm } from "node:fs/promises";
import { Checked } from "./check.ts";
import { AuditError } from "./errors.ts";
import type { ListedBackup, ListedVolume, Listing, Mechanism } from "./listing.ts";

const format = "dirigent-audit-listing";
const version = 2;
/** Versions that can be read: before 2 nothing was told of snapshots. */
const readableVersions: readonly unknown[] = [1, version];

/** Writes the listing for a later audit; an older file of that name is replaced in one step, once all is written. */
export async function saveListing(path: string, listing: Listing): Promise<void> {
  const partial = `${path}.partial`;
  try {
    // Owner only: ids of all projects are nobody else's business.
    const file = await open(partial, "w", 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ format, version, ...listing })}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw new AuditError("usage", `cannot save the listing to ${path}`, { cause: error });
  }
}

/** @throws AuditError of kind `usage` when there is no such file, `malformed` when it is not a listing */
export async function loadListing(path: string): Promise<Listing> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new AuditError("usage", `cannot read the listing ${path}`, { cause: error });
  }
  return parseListing(text, path);
}

/**
 * @param place named in messages
 * @throws AuditError of kind `malformed`
 */
export function parseListing(text: string, place: string): Listing {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new AuditError("malformed", `${place}: not JSON`, { cause: error });
  }
  const file = new Checked(json, place);
  file.at("format").oneOf(format);
  const written = file.object()["version"];
  if (!readableVersions.includes(written))
    file.at("version").fail(`version ${version}, the one this program writes, or 1`);
  const listing = {
    startedAt: file.at("startedAt").instant(),
    endedAt: file.at("endedAt").instant(),
    rights: file.at("rights").oneOf("proven", "unproven", "missing"),
    backups: file
      .at("backups")
      .list()
      .map((row) => readBackup(row, "backup")),
    snapshots:
      written === 1
        ? []
        : file
            .at("snapshots")
            .list()
            .map((row) => readBackup(row, "snapshot")),
    volumes: file.at("volumes").list().map(readVolume),
  };
  for (const key of ["backups", "snapshots", "volumes"] as const) {
    const ids = new Set(listing[key].map((each) => each.id));
    if (ids.size !== listing[key].length) file.at(key).fail("each id once");
  }
  return listing;
}

function readVolume(row: Checked): ListedVolume {
  return {
    id: row.at("id").string(),
    projectId: row.at("projectId").string(),
    sizeGiB: row.at("sizeGiB").size(),
    snapshotId: row.at("snapshotId").stringOrNull(),
  };
}

function readBackup(row: Checked, mechanism: Mechanism): ListedBackup {
  return {
    mechanism,
    id: row.at("id").string(),
    volumeId: row.at("volumeId").string(),
    projectId: row.at("projectId").stringOrNull(),
    userId: row.at("userId").stringOrNull(),
    status: row.at("status").string(),
    sizeGiB: row.at("sizeGiB").size(),
    createdAt: row.at("createdAt").instant(),
    updatedAt: row.at("updatedAt").instantOrNull(),
    failReason: row.at("failReason").stringOrNull(),
    isIncremental: row.at("isIncremental").boolean(),
    parentId: row.at("parentId").stringOrNull(),
    metadata: row.at("metadata").stringMap(),
  };
}
