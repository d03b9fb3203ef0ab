/** Readers of metadata values that several peers' tools share. Each gives `null` for what it cannot read. */

/** The forms of Go's `strconv.ParseBool`, which SnapSentry reads its switches with. */
const trueForms: ReadonlySet<string> = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const falseForms: ReadonlySet<string> = new Set(["0", "f", "F", "false", "FALSE", "False"]);

export function parseGoBool(text: string): boolean | null {
  if (trueForms.has(text)) return true;
  return falseForms.has(text) ? false : null;
}

/** A whole number in decimal digits, of at most nine: more is no count and no number of days of anybody. */
export const parseWhole = (text: string): number | null => (/^[+-]?\d{1,9}$/.test(text) ? Number(text) : null);

/** `H:MM`, `HH:MM` or `HH:MM:SS` as `HH:MM`: seconds are dropped. */
export function parseTimeOfDay(text: string): string | null {
  const parts = /^(\d{1,2}):([0-5]\d)(?::[0-5]\d)?$/.exec(text);
  if (parts === null || Number(parts[1]) > 23) return null;
  return `${(parts[1] ?? "").padStart(2, "0")}:${parts[2] ?? ""}`;
}

/** In the order of ISO 8601: the first is Monday, 1. */
export const weekDayNames = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;

/** A weekday by its name, its first three letters, or Go's number (Sunday is 0). @returns Monday is 1, Sunday 7 */
export function parseWeekDay(text: string): number | null {
  if (/^[0-6]$/.test(text)) return Number(text) === 0 ? 7 : Number(text);
  const word = text.toLowerCase();
  const at = weekDayNames.findIndex((name) => name === word || name.slice(0, 3) === word);
  return at < 0 ? null : at + 1;
}

/** An IANA name. Offsets such as `+01:00` know no summer time, and Go does not take them either. */
export function parseTimeZone(text: string): string | null {
  if (!/^[A-Za-z]/.test(text)) return null;
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return text;
  } catch {
    return null;
  }
}
