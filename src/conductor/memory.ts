import { clockTrusted } from "../domain/trust.ts";
import type { Conductor } from "./context.ts";

/** What a conductor remembers between cycles beside the database: the clock's last two hands. */
export class ClockWatch {
  #previous: { wall: Date; monotonicMs: number } | null = null;

  /** Whether the clock may be trusted with deletions now. `newestRow` is the time of the newest row that an earlier run wrote. */
  check({ clock, reader }: Conductor, newestRow: Date | null): { trusted: boolean; message: string | null } {
    const current = { wall: clock.now(), monotonicMs: clock.monotonicMs() };
    const verdict = clockTrusted({
      previous: this.#previous,
      ...current,
      newestRow,
      serviceDate: reader.serviceDate("block-storage"),
    });
    this.#previous = current;
    return verdict;
  }
}
