/** How many rows one statement carries: far below SQLite's 32,766 parameters and any server's packet, and more gain nothing. */
const rowsPerStatement = 400;

export function* chunksOf<T>(items: readonly T[], size = rowsPerStatement): Generator<T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
