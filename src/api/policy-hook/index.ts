import type { Hono } from "hono";
import { silentLogger, type Logger } from "../../domain/log.ts";
import { createPolicyHook } from "./app.ts";
import type { Catalogue, LookUp } from "./sources.ts";

export type { Catalogue, LookUp } from "./sources.ts";

/** What the policy hook wants to know of whoever hosts it. `dirigent policy` takes the same from the configuration. */
export interface HostedOptions {
  /** The writers' user ids: who may rotate and mark. At least one. */
  readonly conductorUserIds: readonly string[];
  /** Whose objects are automated besides: former writers. */
  readonly formerUserIds?: readonly string[];
  /** Admins may delete and change automated objects that are not held. */
  readonly adminsMayDelete?: boolean;
  readonly guardVolumeDelete?: boolean;
  readonly catalogue?: Catalogue;
  readonly lookUp?: LookUp;
  /** 256 KiB unless told otherwise. */
  readonly bodyLimitBytes?: number;
  readonly log?: Logger;
  /** Null while the host takes requests, else why not: shows in /healthcheck. */
  readonly problem?: () => string | null;
}

/** From a check's headers to its answer. */
export const budgetMs = 500;

/**
 * The policy hook for another server: its `fetch` takes a web `Request` and resolves with the `Response`. The host listens, limits how slowly a request
 * may arrive, and must not put an answer of its own that reads `True` in place of one that fails.
 * @throws RangeError without a conductor
 */
export function policyHook(options: HostedOptions): Pick<Hono, "fetch"> {
  const { conductorUserIds, formerUserIds = [] } = options;
  if (conductorUserIds.length === 0) throw new RangeError("conductorUserIds is empty: rotation would be denied, too");
  return createPolicyHook({
    rules: {
      conductorIds: new Set(conductorUserIds),
      creatorIds: new Set([...conductorUserIds, ...formerUserIds]),
      adminsMay: options.adminsMayDelete ?? false,
    },
    catalogue: options.catalogue ?? null,
    lookUp: options.lookUp ?? null,
    guardVolumes: options.guardVolumeDelete ?? false,
    bodyLimitBytes: options.bodyLimitBytes ?? 256 * 1024,
    budgetMs,
    health: options.problem ?? (() => null),
    observer: { begin: () => 0, end: () => undefined },
    log: options.log ?? silentLogger,
  });
}
