const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** In the order in which they may appear. A month is 30 days and a year 365: a retention is a length of time, not a date. */
const units = [
  ["y", 365 * dayMs],
  ["mon", 30 * dayMs],
  ["w", 7 * dayMs],
  ["d", dayMs],
  ["h", hourMs],
  ["min", minuteMs],
  ["s", secondMs],
] as const;

const maximumMs = 100 * 365 * dayMs;
const pattern = new RegExp(`^${units.map(([unit]) => `(?:(\\d+)${unit})?`).join("")}$`);

/**
 * Reads a length of time such as `30d`, `90s` or `1y6mon`: whole numbers with the units y, mon, w, d, h, min, s, in this order, each at most
 * once.
 * @returns milliseconds; `null` when the text is anything else, comes to nothing, or to more than 100 years.
 */
export function parseDuration(text: string): number | null {
  const counts = pattern.exec(text);
  if (counts === null) return null;
  const totalMs = units.reduce((sum, [, unitMs], i) => sum + Number(counts[i + 1] ?? 0) * unitMs, 0);
  return totalMs > 0 && totalMs <= maximumMs ? totalMs : null;
}

/**
 * Writes a length of time so that {@link parseDuration} reads it back, to the second and never in months or years, which people take for the
 * calendar's. Less than half a second is `0s`.
 */
export function formatDuration(ms: number): string {
  let restMs = Math.round(ms / secondMs) * secondMs;
  let text = "";
  for (const [unit, unitMs] of units.slice(3)) {
    const count = Math.floor(restMs / unitMs);
    if (count > 0) text += `${count}${unit}`;
    restMs -= count * unitMs;
  }
  return text === "" ? "0s" : text;
}
