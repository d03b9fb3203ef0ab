import { setTimeout as delay } from "node:timers/promises";

/**
 * Asks `look` again and again until it returns something other than undefined, false or null, and returns that.
 * @param what names the expected state in the error
 * @throws when nothing came within `timeoutMs` (default 60 s); the pause between two looks is `everyMs` (default 300 ms)
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false | null>,
  { timeoutMs = 60_000, everyMs = 300 }: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false && seen !== null) return seen;
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(everyMs);
  }
}

/** Maps with at most `width` calls under way; the results keep the order of `items`. */
export async function mapLimited<T, R>(items: readonly T[], width: number, job: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  const worker = async (): Promise<void> => {
    for (const [i, item] of rest) results[i] = await job(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}
