import { catalogueFile, refreshEveryMs, type WatchedCatalogue } from "../api/policy-hook/catalogue-file.ts";
import { createLookUp } from "../api/policy-hook/look-up.ts";
import type { Catalogue, LookUp } from "../api/policy-hook/sources.ts";
import { getPoint } from "../conductor/mechanism.ts";
import { loadConnection } from "../config/connections.ts";
import type { Clock } from "../domain/clock.ts";
import type { GuardedObject } from "../domain/guard.ts";
import type { ReaderCloud } from "../openstack/cloud.ts";
import type { Context } from "./command.ts";

/** Of the budget of 500 ms for a check. */
const lookUpTimeoutMs = 300;
const databaseTimeoutMs = 200;

export interface PolicyHookSources {
  readonly catalogue: Catalogue | null;
  readonly lookUp: LookUp | null;
  close(): Promise<void>;
}

/**
 * Opens what the policy hook may decide from beside the checks' own bodies.
 * @throws ConfigError, StoreError, ConnectionError
 */
export async function openSources(context: Context): Promise<PolicyHookSources> {
  const catalogue = await openCatalogue(context);
  const lookUp = context.settings().policyHook.lookUp ? await openLookUp(context) : null;
  return {
    catalogue: catalogue?.catalogue ?? null,
    lookUp: lookUp?.lookUp ?? null,
    async close() {
      lookUp?.close();
      await catalogue?.close();
    },
  };
}

async function openCatalogue(context: Context): Promise<{ catalogue: Catalogue; close(): Promise<void> } | null> {
  const { catalogue: configured } = context.settings().policyHook;
  const { clock } = context;
  const log = context.log();
  if (configured === null) return null;
  if (configured.kind === "file") {
    const catalogue = catalogueFile({ ...configured, clock, log });
    const stop = new AbortController();
    await catalogue.refresh();
    const watching = watch(catalogue, clock, stop.signal);
    return {
      catalogue,
      async close() {
        stop.abort();
        await watching;
      },
    };
  }
  const { openGuardedPoints } = await import("../store/guarded-points.ts");
  const { catalogueDatabase } = await import("../api/policy-hook/catalogue-database.ts");
  const points = await openGuardedPoints(configured.url, databaseTimeoutMs);
  return { catalogue: catalogueDatabase(points, log), close: () => points.close() };
}

async function watch(catalogue: WatchedCatalogue, clock: Clock, stop: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await clock.sleep(refreshEveryMs, stop);
    } catch {
      return; // stopped
    }
    await catalogue.refresh();
  }
}

async function openLookUp(context: Context): Promise<{ lookUp: LookUp; close(): void }> {
  const { openClouds } = await import("../openstack/open.ts");
  const { clock, io, random } = context;
  const log = context.log();
  const { concurrency } = context.settings().openstack;
  // The hook never needs the writer's credential, and should not have it.
  const reader = loadConnection("reader", context.settings(), context.environment);
  const clouds = await openClouds({ reader, writer: reader, concurrency }, { clock, io, random, log });
  // A login takes longer than a check may.
  clouds.reader
    .userId(context.signals.drain)
    .catch((error: unknown) => log.warn({ error }, "the reader could not log in; objects cannot be looked up"));
  return {
    lookUp: createLookUp({
      ask: (kind, id, signal) => ask(clouds.reader, { kind, id }, signal),
      timeoutMs: lookUpTimeoutMs,
      log,
    }),
    close: () => clouds.close(),
  };
}

async function ask(
  reader: ReaderCloud,
  { kind, id }: { readonly kind: "backup" | "snapshot"; readonly id: string },
  signal: AbortSignal,
): Promise<GuardedObject | null> {
  const point = await getPoint(reader, { mechanism: kind, id }, signal);
  if (point === null || point.projectId === null || point.userId === null) return null;
  return { projectId: point.projectId, creatorId: point.userId, metadata: point.metadata };
}
