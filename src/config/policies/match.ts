import type { Match, TextField, TextTest } from "../../domain/match.ts";
import { boolean, integer, type Kind } from "../kinds.ts";
import type { Part, Parts, Reading } from "./reading.ts";

const anyText: Kind<string> = {
  name: "any text",
  allowed: "a text",
  read: (raw) => {
    if (typeof raw === "string") return raw;
    throw new Error("");
  },
};

/** A text with something in it: nothing begins everything, and is part of everything. */
export const someText: Kind<string> = {
  name: "some text",
  allowed: "a text with at least one character",
  read: (raw) => {
    const text = anyText.read(raw);
    if (text === "") throw new Error("an empty text would match everything");
    return text;
  },
};

const comparisons = ["equals", "prefix", "contains", "glob"] as const;

export const isGlob = (text: string): boolean => /[*?]/.test(text);

/** A text without `*` and `?`, as a value that stands alone: whether a pattern or the characters are meant must be said. */
const plainText: Kind<string> = {
  ...anyText,
  read: (raw) => {
    const text = anyText.read(raw);
    if (isGlob(text)) throw new Error(`write {glob: ${text}} for a pattern, {equals: ${text}} for exactly this text`);
    return text;
  },
};

/** One value or a list of them. */
export function texts(reading: Reading, part: Part, kind: Kind<string>): readonly string[] {
  return reading
    .listOrOne(part)
    .map((item) => reading.text(item, kind))
    .filter((text) => text !== undefined);
}

/** A text, a list of texts, or a map that says how to compare; what the map says holds all together. */
function readTests(reading: Reading, part: Part): readonly TextTest[] {
  if (part.node.kind !== "map") return [{ by: "equals", anyOf: texts(reading, part, plainText) }];
  const entries = reading.map(part, comparisons);
  if (entries?.size === 0) reading.complain(part, `says nothing; allowed: any of ${comparisons.join(", ")}`);
  return comparisons.flatMap((by): TextTest[] => {
    const entry = entries?.get(by);
    return entry === undefined ? [] : [{ by, anyOf: texts(reading, entry, by === "equals" ? anyText : someText) }];
  });
}

type ReadField = (reading: Reading, part: Part) => readonly Match[];

const textOf =
  (field: TextField): ReadField =>
  (reading, part) =>
    readTests(reading, part).map((test) => ({ kind: "text", field, test }));

const metadataOf =
  (of: "server" | "volume"): ReadField =>
  (reading, part) =>
    [...(reading.entries(part) ?? [])].flatMap(([key, entry]) =>
      readTests(reading, entry).map((test): Match => ({ kind: "metadata", of, key, test })),
    );

const flagOf =
  (field: "bootable" | "encrypted"): ReadField =>
  (reading, part) => {
    const is = reading.value(part, boolean);
    return is === undefined ? [] : [{ kind: "flag", field, is }];
  };

const size: ReadField = (reading, part) => {
  const parts = reading.map(part, ["min", "max"]) ?? new Map<string, Part>();
  return readSize(reading, part, parts.get("min"), parts.get("max"));
};

/** Both ends included. @param part what to name when the two do not go together */
export function readSize(reading: Reading, part: Part, min: Part | undefined, max: Part | undefined): readonly Match[] {
  const gibibytes = integer(0);
  const minimum = min === undefined ? null : (reading.value(min, gibibytes) ?? null);
  const maximum = max === undefined ? null : (reading.value(max, gibibytes) ?? null);
  if (min === undefined && max === undefined) reading.complain(part, "says nothing; allowed: min, max or both, in GiB");
  if (minimum !== null && maximum !== null && minimum > maximum) {
    reading.complain(part, `can never hold: ${minimum} GiB is more than ${maximum} GiB`);
  }
  return [{ kind: "size", minimum, maximum }];
}

/** What may be asked of what, in our files. */
export const matchFields: Readonly<Record<string, Readonly<Record<string, ReadField>>>> = {
  domain: { id: textOf("domain.id"), name: textOf("domain.name") },
  project: { id: textOf("project.id"), name: textOf("project.name"), tag: textOf("project.tag") },
  server: {
    id: textOf("server.id"),
    name: textOf("server.name"),
    metadata: metadataOf("server"),
    tag: textOf("server.tag"),
    availability_zone: textOf("server.availability_zone"),
  },
  volume: {
    id: textOf("volume.id"),
    name: textOf("volume.name"),
    type: textOf("volume.type"),
    size,
    bootable: flagOf("bootable"),
    encrypted: flagOf("encrypted"),
    status: textOf("volume.status"),
    availability_zone: textOf("volume.availability_zone"),
    metadata: metadataOf("volume"),
  },
};

const matchKeys = [...Object.keys(matchFields), "all", "any", "not"];

const allOf = (of: readonly Match[]): Match => {
  const [only] = of;
  return only !== undefined && of.length === 1 ? only : { kind: "all", of };
};

/** Reads a match of ours: everything it says holds together; an empty map is everything. */
export function readMatch(reading: Reading, part: Part): Match {
  const parts: Parts = reading.map(part, matchKeys) ?? new Map<string, Part>();
  const of: Match[] = [];
  for (const [name, entry] of parts) {
    const fields = Object.hasOwn(matchFields, name) ? matchFields[name] : undefined;
    if (fields !== undefined) {
      const entries = reading.map(entry, Object.keys(fields)) ?? new Map<string, Part>();
      if (entry.node.kind === "map" && entries.size === 0) {
        reading.complain(entry, `says nothing; allowed: any of ${Object.keys(fields).join(", ")}`);
      }
      for (const [field, value] of entries) {
        const read = Object.hasOwn(fields, field) ? fields[field] : undefined;
        if (read !== undefined) of.push(...read(reading, value));
      }
    } else if (name === "not") {
      of.push({ kind: "not", of: readMatch(reading, entry) });
    } else if (name === "all" || name === "any") {
      const items = reading.list(entry, "a list of matches") ?? [];
      if (entry.node.kind === "list" && items.length === 0) {
        reading.complain(entry, "is an empty list; allowed: a list of at least one match");
      }
      of.push({ kind: name, of: items.map((item) => readMatch(reading, item)) });
    }
  }
  return allOf(of);
}
