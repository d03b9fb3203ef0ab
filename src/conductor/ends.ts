import type { Job } from "../domain/catalogue.ts";
import { isOutage } from "./outage.ts";

/** Starts what a project is owed as soon as its own jobs have ended, without waiting for the rest of the cloud. */
export class ProjectEnds {
  readonly #waiting: Set<string>;
  readonly #end: (projectId: string) => Promise<void>;
  readonly #onOutage: (projectId: string, error: unknown) => void;
  #running: Promise<void>[] = [];
  #failure: { readonly error: unknown } | null = null;

  constructor(
    projectIds: Iterable<string>,
    end: (projectId: string) => Promise<void>,
    onOutage: (projectId: string, error: unknown) => void,
  ) {
    this.#waiting = new Set(projectIds);
    this.#end = end;
    this.#onOutage = onOutage;
  }

  /** Starts the projects that have no open job but stuck ones. */
  start(open: readonly Job[]): void {
    const busy = new Set(open.filter((job) => job.stuckReportedAt === null).map((job) => job.projectId));
    for (const projectId of this.#waiting) {
      if (busy.has(projectId)) continue;
      this.#waiting.delete(projectId);
      this.#running.push(
        this.#end(projectId).catch((error: unknown) => {
          if (isOutage(error)) {
            // Tried again in the next round.
            this.#waiting.add(projectId);
            this.#onOutage(projectId, error);
          } else {
            this.#failure ??= { error };
          }
        }),
      );
    }
  }

  /** Waits for what was started. Throws the first failure that is not an outage. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
    this.#running = [];
    if (this.#failure !== null) throw this.#failure.error;
  }

  complete(): boolean {
    return this.#waiting.size === 0;
  }
}
