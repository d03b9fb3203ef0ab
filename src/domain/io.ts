/**
 * The one seam for every step that touches the world outside the process. Production passes straight through ({@link directIo}); crash
 * tests number the steps, kill the process at one of them, or make one fail.
 */
export interface IoStep {
  readonly kind: "db" | "http" | "file" | "mail" | "process";
  /** What is done, without ids, e.g. `claimJob` or `POST block-storage/backups`. */
  readonly name: string;
}

export interface Io {
  /**
   * Runs one step. `work` calls `sent` once the request has left the process (HTTP only): the moment from which the other side may have
   * done the work although no reply was seen.
   */
  run<T>(step: IoStep, work: (sent: () => void) => Promise<T>): Promise<T>;
}

export const directIo: Io = { run: (_step, work) => work(() => undefined) };
