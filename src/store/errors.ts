/** A failure of the database that a caller may meet in a normal life: unreachable, full, locked, or newer than this program. */
export class StoreError extends Error {
  /** True when the same call may succeed later: connection lost, locked, deadlock. */
  readonly transient: boolean;
  override get name(): string {
    return "StoreError";
  }
  constructor(message: string, options: { transient: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.transient = options.transient;
  }
}

/** Another conductor works on the same SQLite file. Exit code 11 (lease held). */
export class StoreLockedError extends StoreError {
  override get name(): string {
    return "StoreLockedError";
  }
}
