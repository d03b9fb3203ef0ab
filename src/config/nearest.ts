/** Letters inserted, dropped or replaced, or neighbours swapped, to get from one word to the other. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

const lastWord = (key: string): string => key.slice(key.lastIndexOf(".") + 1);

/**
 * The known key that somebody most likely meant: near as a whole (a slip of the pen), or the same in its last part (the wrong section).
 * @returns null when nothing is near
 */
export function nearest(wanted: string, known: readonly string[]): string | null {
  return near(wanted, known) ?? longer(wanted, known);
}

/** Of keys one of which goes on where the other ends: `tenant` of `tenant_name`, `minimum` for `min`. Only where there is just one. */
function longer(wanted: string, known: readonly string[]): string | null {
  const found = known.filter((key) => lastWord(key) !== "" && (key.startsWith(wanted) || wanted.startsWith(key)));
  return wanted.length >= 3 && found.length === 1 ? (found[0] ?? null) : null;
}

function near(wanted: string, known: readonly string[]): string | null {
  let best: { key: string; score: number } | null = null;
  for (const key of known) {
    const whole = distance(wanted, key);
    const score = lastWord(key) === lastWord(wanted) ? Math.min(whole, 1.5) : whole;
    if (best === null || score < best.score) best = { key, score };
  }
  return best !== null && best.score <= Math.max(2, lastWord(wanted).length * 0.35) ? best.key : null;
}
