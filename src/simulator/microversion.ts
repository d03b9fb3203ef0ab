import type { Exchange } from "./exchange.ts";
import { fault, type Refusal } from "./reply.ts";

export interface MicroversionRange {
  /** As in the header: `volume`, `compute`. */
  readonly type: string;
  readonly major: number;
  readonly minMinor: number;
  readonly maxMinor: number;
}

/**
 * The minor version asked for; the oldest without a header.
 * @throws {Refusal} 400 for what is no version, 406 outside the range
 */
export function microversionOf(exchange: Exchange, range: MicroversionRange): number {
  const header = exchange.header("openstack-api-version");
  if (header === undefined) return range.minMinor;
  const asked = header
    .split(",")
    .map((part) => part.trim().split(/\s+/))
    .find(([type]) => type === range.type);
  if (asked === undefined) {
    if (range.type === "volume")
      throw fault(
        400,
        "The server could not comply with the request since it is either malformed or otherwise incorrect.",
      );
    return range.minMinor;
  }
  const text = asked[1] ?? "";
  if (text === "latest") return range.maxMinor;
  const parsed = /^(\d+)\.(\d+)$/.exec(text);
  if (parsed === null)
    throw fault(400, `API Version String ${text} is of invalid format. Must be of format MajorNum.MinorNum.`);
  const minor = Number(parsed[2]);
  if (Number(parsed[1]) !== range.major || minor < range.minMinor || minor > range.maxMinor)
    throw outOfRange(text, range);
  return minor;
}

function outOfRange(text: string, { type, major, minMinor, maxMinor }: MicroversionRange): Refusal {
  const headers: Record<string, string> = text.startsWith(`${major}.`)
    ? { "OpenStack-API-Version": `${type} ${text}`, Vary: "OpenStack-API-Version" }
    : {};
  return fault(
    406,
    `Version ${text} is not supported by the API. Minimum is ${major}.${minMinor} and maximum is ${major}.${maxMinor}.`,
    headers,
  );
}
