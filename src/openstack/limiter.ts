/** Lets at most `max` pieces of work run at once; the others wait in the order in which they came. */
export class Limiter {
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Rejects with the signal's reason when it is aborted before `work` could start; a started work is not touched. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #enter(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#running >= this.#max) {
      const turn = Promise.withResolvers<undefined>();
      const start = (): void => {
        // The slot is taken here and not after the await: nobody may slip in between.
        this.#running += 1;
        turn.resolve(undefined);
      };
      const leave = (): void => {
        const at = this.#waiting.indexOf(start);
        if (at === -1) return;
        this.#waiting.splice(at, 1);
        turn.reject(signal?.reason);
      };
      this.#waiting.push(start);
      signal?.addEventListener("abort", leave, { once: true });
      try {
        await turn.promise;
      } finally {
        signal?.removeEventListener("abort", leave);
      }
      return;
    }
    this.#running += 1;
  }
}

/** Waits for something that others may wait for, too: giving up leaves it alone. Rejects with the signal's reason. */
export async function waitFor<T>(shared: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return shared;
  signal.throwIfAborted();
  const gaveUp = Promise.withResolvers<never>();
  const leave = (): void => {
    gaveUp.reject(signal.reason);
  };
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([shared, gaveUp.promise]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
