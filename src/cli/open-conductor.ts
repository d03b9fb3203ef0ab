import { existsSync } from "node:fs";
import type { Conductor, ConductorSettings } from "../conductor/context.ts";
import { openPolicySource, type PolicySource } from "../conductor/policy-source.ts";
import { effectiveValues } from "../config/load.ts";
import { bookDefaults, policyFiles } from "../config/policies/files.ts";
import type { Settings } from "../config/settings.ts";
import type { PolicyBook } from "../domain/policy-book.ts";
import { parseStoreUrl } from "../store/address.ts";
import type { Context } from "./command.ts";
import { openConfiguredClouds } from "./open.ts";

export interface OpenedConductor {
  readonly conductor: Conductor;
  /** The store's exclusive lock is held: no other conductor can be at work. */
  readonly exclusive: boolean;
  close(): Promise<void>;
}

/** The part of the settings that the conductor reads. */
export const conductorSettings = (settings: Settings): ConductorSettings => ({
  userIds: settings.conductor.userIds,
  timeZone: settings.conductor.timeZone,
  policy: settings.policy,
  selection: settings.selection,
  release: settings.release,
  nameTemplate: settings.backup.nameTemplate,
  container: settings.backup.container,
  fromSnapshotTypes: settings.backup.fromSnapshotTypes,
  limits: settings.limits,
  settleMs: settings.openstack.settleTimeMs,
  pollMs: settings.conductor.pollIntervalMs,
  keepHistoryMs: settings.conductor.keepHistoryMs,
  leaseTtlMs: settings.conductor.leaseTtlMs,
  leaseOwner: settings.conductor.name,
  deadline: settings.deadline,
  rotationEnabled: settings.rotation.enabled,
  publishAssignment: settings.policies.publishAssignment,
  brakeOverrides: settings.rotation.brakeOverrides,
});

/**
 * Whether there is a cloud and nothing else: no file of the configuration, nobody who says where state is kept, and none where it would be.
 * @throws ConfigError
 */
export function isStateless(context: Context): boolean {
  if (context.settings().files.length > 0) return false;
  const path = sqlitePath(context);
  const url = effectiveValues(context.request).find(({ key }) => key === "database.url");
  return url?.source === "default" && path !== null && !existsSync(path);
}

/**
 * Opens clouds and database as the configuration says. `work`: as the conductor, which takes SQLite's lock. `look`: to read beside a running
 * conductor; a database that does not exist yet is an empty one and is not made. `order`: to give an order, which is written down; the lock is taken with
 * {@link takeLock} when nobody else has it. `alone`: to work on what Cinder knows, with a database of one's own that ends with the process.
 */
export async function openConductor(
  context: Context,
  purpose: "work" | "look" | "order" | "alone",
): Promise<OpenedConductor> {
  const { clock, io, newId, settings } = context;
  const log = context.log();
  const { database } = settings();
  // Before anything is opened or locked: a configuration that will not do is said first.
  const policies = policyParts(context);
  // Who works goes by the files from the start; others may never ask for them.
  if (purpose === "work" || purpose === "alone") policies.policyBook();
  const clouds = await openConfiguredClouds(context);
  const { openStore } = await import("../store/open.ts");
  const path = sqlitePath(context);
  const lock = purpose === "work" ? await takeLock(context) : null;
  const isPrivate = purpose === "alone" || (purpose === "look" && path !== null && !existsSync(path));
  const store = isPrivate ? inMemory : database.url;
  const repository = await openStore(store, { io }).catch(async (error: unknown) => {
    await lock?.release();
    throw error;
  });
  return {
    conductor: {
      ...policies,
      settings: conductorSettings(settings()),
      reader: clouds.reader,
      writer: clouds.writer,
      repository,
      clock,
      log,
      newId,
    },
    exclusive: lock !== null,
    async close() {
      clouds.close();
      await repository.close();
      await lock?.release();
    },
  };
}

/** The policies that the configuration's files say, read when they are first asked for. */
function policyParts({ environment, settings }: Context): {
  readonly policyBook: () => PolicyBook;
  readonly policySource: PolicySource;
} {
  let opened: PolicySource | null = null;
  const source = (): PolicySource =>
    (opened ??= openPolicySource({
      files: () => policyFiles(settings().policies, environment),
      defaults: () => bookDefaults(settings()),
    }));
  return {
    policyBook: () => source().book(),
    policySource: {
      book: () => source().book(),
      problems: () => source().problems(),
      look: () => source().look(),
    },
  };
}

const inMemory = "sqlite::memory:";

function sqlitePath({ settings }: Context): string | null {
  const address = parseStoreUrl(settings().database.url);
  return address.dialect === "sqlite" ? address.path : null;
}

/**
 * Takes SQLite's lock, which says that no other conductor is at work.
 * @returns null on other databases, where the lease alone decides
 * @throws StoreLockedError when another conductor is
 */
export async function takeLock(context: Context): Promise<{ release(): Promise<void> } | null> {
  const { lockExclusively } = await import("../store/lock.ts");
  const path = sqlitePath(context);
  return path === null ? null : await lockExclusively(path);
}
