/** Databases keep whole seconds; only the answer to the creating request shows the fraction. */
export const wholeSecond = (ms: number): number => Math.floor(ms / 1000) * 1000;

const dayMs = 86_400_000;
const two = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, "0"));
let cachedDay = NaN;
let cachedDate = "";

/** `2026-01-31T23:59:59`; a page of a thousand rows writes three thousand of these, hence the cache of the last day. */
function isoSeconds(ms: number): string {
  const day = Math.floor(ms / dayMs);
  if (day !== cachedDay) {
    cachedDate = new Date(day * dayMs).toISOString().slice(0, 11);
    cachedDay = day;
  }
  const second = Math.floor((ms - day * dayMs) / 1000);
  const hours = two[Math.floor(second / 3600)] ?? "";
  const minutes = two[Math.floor(second / 60) % 60] ?? "";
  return `${cachedDate}${hours}:${minutes}:${two[second % 60] ?? ""}`;
}

/** Cinder's form: UTC without a zone, six digits of a fraction. */
export function isoMicros(ms: number): string {
  const fraction = Math.floor(ms) % 1000;
  return fraction === 0 ? `${isoSeconds(ms)}.000000` : `${isoSeconds(ms)}.${String(fraction).padStart(3, "0")}000`;
}

/** Keystone's form. */
export const isoMicrosZ = (ms: number): string => `${isoMicros(ms)}Z`;

/** Nova's form. */
export const isoSecondsZ = (ms: number): string => `${isoSeconds(ms)}Z`;
