import type { Clock } from "../domain/clock.ts";
import type { Io } from "../domain/io.ts";
import type { Logger } from "../domain/log.ts";

/** What the clients are given instead of reading it globally. */
export interface CloudDeps {
  readonly clock: Clock;
  readonly io: Io;
  /** In [0, 1). For jitter and request ids, never for secrets. */
  readonly random: () => number;
  readonly log: Logger;
}

/** A new id for `X-OpenStack-Request-ID`. Services take it only in exactly this form: `req-` and a UUID. */
export function newRequestId(random: () => number): string {
  const hex = Array.from({ length: 32 }, (_, i) => {
    if (i === 12) return "4"; // version
    if (i === 16) return "89ab".charAt(Math.floor(random() * 4)); // variant
    return Math.floor(random() * 16).toString(16);
  }).join("");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return `req-${parts.join("-")}`;
}
