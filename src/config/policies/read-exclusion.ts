import { Temporal } from "temporal-polyfill";
import type { Exclusion } from "../../domain/exclusions.ts";
import { instant, text, type Kind } from "../kinds.ts";
import type { Part, Reading } from "./reading.ts";

const scopes = ["volume", "server", "project"] as const;
const id = text(/^[\w.-]{1,255}$/, "an id");
const reason = text(/^(?=.*\S)\P{Cc}{1,255}$/u, "a text of 1 to 255 characters in one line");

/** A day, to its end in the zone, or an instant. */
const until = (timeZone: string): Kind<Date> => ({
  name: "until",
  allowed: "a day such as 2026-12-31, which counts to its end, or an instant with a zone, such as 2026-12-31T06:00:00Z",
  read: (raw) => {
    if (typeof raw !== "string" || !/^\d{4}-\d\d-\d\d$/.test(raw)) return instant.read(raw);
    let day: Temporal.PlainDate;
    try {
      day = Temporal.PlainDate.from(raw);
    } catch {
      throw new Error("there is no such day");
    }
    return new Date(day.add({ days: 1 }).toZonedDateTime(timeZone).epochMilliseconds);
  },
});

/** Reads one exclusion. @param timeZone where its last day ends. @returns null when anything is wrong with it */
export function readExclusion(reading: Reading, part: Part, timeZone: string): Exclusion | null {
  return reading.whole((): Exclusion => {
    const parts = reading.map(part, [...scopes, "reason", "until"]) ?? new Map<string, Part>();
    const given = scopes.filter((scope) => parts.has(scope));
    if (given.length !== 1 && part.node.kind === "map") {
      const which = given.length === 0 ? "names nothing" : `names ${given.join(" and ")}`;
      reading.complain(part, `${which}; allowed: exactly one of ${scopes.join(", ")}, with its id`);
    }
    const [scope = "volume"] = given;
    const named = parts.get(scope);
    return {
      scope,
      id: named === undefined ? "" : (reading.text(named, id) ?? ""),
      reason: reading.required(parts, "reason", reason, part) ?? "",
      until: reading.optional(parts, "until", until(timeZone), null) ?? null,
    };
  });
}
