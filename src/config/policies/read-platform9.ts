import type { Match, TextField } from "../../domain/match.ts";
import type { RetentionOverride, Rule } from "../../domain/rules.ts";
import { boolean, integer, type Kind } from "../kinds.ts";
import { isGlob, readSize, someText, texts } from "./match.ts";
import type { Part, Reading } from "./reading.ts";
import {
  defaultPriority,
  priority,
  readPolicyName,
  readRetention,
  readStart,
  type KnownPolicies,
} from "./read-rules.ts";

/**
 * Platform9's rules, a JSON list, in the form that its document describes. Read as a reader of the document expects, which is not in all what the program
 * does: the lower number goes first, and what `auto_snapshot: false` excludes stays excluded; a key that is misspelt or unknown is an error and does not match
 * everything; the documented `volume_name` and `size_gb` work; a metadata key that is missing equals nothing.
 */
const keys = ["name", "description", "priority", "match", "policies", "auto_snapshot", "retention"];
const ourHint = "it is ours: a file whose name ends in .yaml is read as ours";
const hints = { continue: ourHint, exclude: "here it is auto_snapshot: false" };

const count: Kind<RetentionOverride> = {
  ...integer(1, 10_000),
  read: (raw) => ({ last: integer(1, 10_000).read(raw) }),
};

type ReadKey = (reading: Reading, part: Part) => readonly Match[];

const anyOf =
  (field: TextField, by: "equals" | "prefix" | "contains"): ReadKey =>
  (reading, part) => [{ kind: "text", field, test: { by, anyOf: texts(reading, part, someText) } }];

/** Exact, or a pattern where it has stars or question marks. */
const volumeName: ReadKey = (reading, part) => {
  const names = texts(reading, part, someText);
  const field = "volume.name";
  const exact = names.filter((name) => !isGlob(name));
  const globs = names.filter(isGlob);
  return [
    {
      kind: "any",
      of: [
        { kind: "text", field, test: { by: "equals", anyOf: exact } },
        { kind: "text", field, test: { by: "glob", anyOf: globs } },
      ],
    },
  ];
};

/** JSON's true is Python's True when it is compared as a text; tenants write either. */
const texted = (raw: unknown): readonly string[] | null => {
  if (raw === true) return ["true", "True"];
  if (raw === false) return ["false", "False"];
  return typeof raw === "string" || typeof raw === "number" ? [String(raw)] : null;
};

const equalled: Kind<readonly string[]> = {
  name: "metadata value",
  allowed: "a text",
  read: (raw) => {
    const values = texted(raw);
    if (values === null) throw new Error("");
    return values;
  },
};

const metadataEquals: ReadKey = (reading, part) =>
  [...(reading.entries(part) ?? [])].map(([key, entry]) => ({
    kind: "metadata",
    of: "volume",
    key,
    test: { by: "equals", anyOf: reading.value(entry, equalled) ?? [] },
  }));

const metadataContains: ReadKey = (reading, part) =>
  [...(reading.entries(part) ?? [])].map(([key, entry]) => ({
    kind: "metadata",
    of: "volume",
    key,
    test: { by: "contains", anyOf: texts(reading, entry, someText) },
  }));

const bootable: ReadKey = (reading, part) => {
  const is = reading.value(part, boolean);
  return is === undefined ? [] : [{ kind: "flag", field: "bootable", is }];
};

const size: ReadKey = (reading, part) => {
  const parts = reading.map(part, ["min", "max"]);
  return parts === null ? [] : readSize(reading, part, parts.get("min"), parts.get("max"));
};

const matchKeys: Readonly<Record<string, ReadKey>> = {
  tenant_name: anyOf("project.name", "equals"),
  domain_name: anyOf("domain.name", "equals"),
  volume_name: volumeName,
  volume_name_prefix: anyOf("volume.name", "prefix"),
  volume_name_contains: anyOf("volume.name", "contains"),
  volume_type: anyOf("volume.type", "equals"),
  size_gb: size,
  min_size_gb: (reading, part) => readSize(reading, part, part, undefined),
  max_size_gb: (reading, part) => readSize(reading, part, undefined, part),
  bootable,
  metadata_equals: metadataEquals,
  metadata_contains: metadataContains,
};

function readMatch(reading: Reading, part: Part): Match {
  const names = Object.keys(matchKeys);
  const parts = reading.map(part, names, { project_name: "here it is tenant_name" }) ?? new Map<string, Part>();
  const of = [...parts].flatMap(([name, entry]) =>
    names.includes(name) ? (matchKeys[name]?.(reading, entry) ?? []) : [],
  );
  return { kind: "all", of };
}

/** Reads one rule of Platform9's. @returns null when anything is wrong with it */
export function readPlatform9Rule(reading: Reading, part: Part, known: KnownPolicies): Rule | null {
  return reading.whole(() => {
    const { parts, name, matchPart } = readStart(reading, part, { keys, hints });
    const policiesPart = parts.get("policies");
    const policies = (policiesPart === undefined ? [] : (reading.list(policiesPart) ?? [])).map((item) =>
      readPolicyName(reading, item, known),
    );
    const rule = {
      name,
      priority: reading.optional(parts, "priority", priority, defaultPriority) ?? defaultPriority,
      match: matchPart === undefined ? ({ kind: "all", of: [] } as const) : readMatch(reading, matchPart),
    };
    const retention = readRetention(reading, parts.get("retention"), { kind: count, known });
    const auto = reading.optional(parts, "auto_snapshot", boolean, true) ?? true;
    if (!auto) {
      if (policies.length > 0 && policiesPart !== undefined) {
        reading.complain(policiesPart, "attaches policies, and auto_snapshot: false excludes; take one of them out");
      }
      return { ...rule, effect: { kind: "exclude" } };
    }
    if (policies.length === 0 && retention.size === 0) {
      reading.complain(part, "does nothing; allowed: policies, retention, or auto_snapshot: false");
    }
    const attached = [...new Set(policies.filter((policy) => policy !== undefined))];
    // There, every rule that matches adds its policies.
    return { ...rule, effect: { kind: "attach", policies: attached, retention, continue: true } };
  });
}
