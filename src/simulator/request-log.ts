import type { ServiceName } from "./records.ts";

export interface LoggedRequest {
  readonly service: ServiceName;
  readonly method: string;
  /** The route's pattern such as `backups/{id}`, without ids. */
  readonly route: string;
  readonly path: string;
  readonly search: string;
  /** What was answered; undefined: nothing was (a stall, a dropped connection). */
  readonly status: number | undefined;
  readonly atMs: number;
  readonly userId: string | undefined;
  readonly projectId: string | undefined;
  /** The client's own X-OpenStack-Request-ID. */
  readonly globalRequestId: string | undefined;
}

/** Every request in order, and how many there were of each kind. */
export class RequestLog {
  readonly entries: LoggedRequest[] = [];
  readonly #counts = new Map<string, number>();

  add(entry: LoggedRequest): void {
    this.entries.push(entry);
    const key = `${entry.service} ${entry.method} ${entry.route}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** `{ "block-storage GET backups/detail": 3, ... }` */
  counts(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  get total(): number {
    return this.entries.length;
  }

  clear(): void {
    this.entries.length = 0;
    this.#counts.clear();
  }
}
