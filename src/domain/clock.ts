/** Time as everything outside the outermost layer sees it. Nothing reads the global clock. */
export interface Clock {
  /** The wall clock. It may jump. */
  now(): Date;
  /** Milliseconds since some start that never goes back, used to notice that the wall clock jumped. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
