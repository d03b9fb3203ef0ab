import { escapeText } from "../domain/escape.ts";

const minuteS = 60;
const hourS = 60 * minuteS;

/** For people, in its two largest units: `4 s`, `1 min 20 s`, `2 h 5 min`. Empty for null. */
export function durationWords(ms: number | null): string {
  if (ms === null) return "";
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < minuteS) return `${seconds} s`;
  const [large, small, unitS, units] = seconds < hourS ? [minuteS, 1, "min", "s"] : [hourS, minuteS, "h", "min"];
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${unitS}${rest === 0 ? "" : ` ${rest} ${units}`}`;
}

/** A formatter costs more than a thousand uses of it. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
  });
  formatters.set(timeZone, made);
  return made;
}

/** A local time with its zone: `Sat 21 Nov 2026, 02:14 CET`. */
export function localTime(at: Date, timeZone: string): string {
  const parts = formatterOf(timeZone).formatToParts(at);
  const part = (type: string): string => parts.find((each) => each.type === type)?.value ?? "";
  const zone = part("timeZoneName");
  return `${part("weekday")} ${part("day")} ${part("month")} ${part("year")}, ${part("hour")}:${part("minute")} ${zone}`;
}

/** Only the day: `21 Nov 2026`. */
export const localDay = (at: Date, timeZone: string): string =>
  new Intl.DateTimeFormat("en-GB", { timeZone, day: "numeric", month: "short", year: "numeric" }).format(at);

/**
 * Text of a tenant or a service for a mail: in one line, control and bidirectional characters made visible, and what is too long cut in the
 * middle (names that somebody numbered differ at their ends). Escaping for HTML is the templates' job.
 */
export function plain(text: string, longest = 80): string {
  const characters = Array.from(escapeText(text));
  if (characters.length <= longest) return characters.join("");
  const tail = Math.floor(longest / 3);
  return `${characters.slice(0, longest - tail - 1).join("")}…${characters.slice(-tail).join("")}`;
}

/** `1 volume`, `2 volumes`. */
export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;
