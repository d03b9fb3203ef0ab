import type { Conductor } from "./context.ts";

/** Forgets runs that are older than the configuration wants them kept. */
export async function forgetOldRuns({ clock, log, repository, settings }: Conductor): Promise<void> {
  const before = new Date(Number(clock.now()) - settings.keepHistoryMs);
  let forgotten = 0;
  let count: number;
  do {
    count = await repository.forgetRuns(before);
    forgotten += count;
  } while (count !== 0);
  if (forgotten > 0) log.info({ forgotten, before }, "old runs are forgotten");
}
