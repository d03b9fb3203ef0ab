import type { Server, Volume } from "./inventory.ts";

/** Whose project a volume is; what Keystone does not tell is `null`, and then no condition on it holds. */
export interface SubjectProject {
  readonly id: string;
  readonly name: string | null;
  readonly domainId: string | null;
  readonly domainName: string | null;
  readonly tags: readonly string[];
}

/** What a rule is asked about: a volume as it is attached to one server, or to none. */
export interface Subject {
  readonly volume: Volume;
  readonly server: Server | null;
  readonly project: SubjectProject;
}

/** How a text is compared: always with upper and lower case as they are, and with any of the texts. */
export interface TextTest {
  /** `glob`: `*` stands for any characters, `?` for one; everything else for itself. */
  readonly by: "equals" | "prefix" | "contains" | "glob";
  readonly anyOf: readonly string[];
}

const textFields = {
  "domain.id": ({ project }) => project.domainId,
  "domain.name": ({ project }) => project.domainName,
  "project.id": ({ project }) => project.id,
  "project.name": ({ project }) => project.name,
  "project.tag": ({ project }) => project.tags,
  "server.id": ({ server }) => server?.id,
  "server.name": ({ server }) => server?.name,
  "server.tag": ({ server }) => server?.tags,
  "server.availability_zone": ({ server }) => server?.availabilityZone,
  "volume.id": ({ volume }) => volume.id,
  "volume.name": ({ volume }) => volume.name,
  "volume.type": ({ volume }) => volume.volumeType,
  "volume.status": ({ volume }) => volume.status,
  "volume.availability_zone": ({ volume }) => volume.availabilityZone,
} satisfies Record<string, (subject: Subject) => string | readonly string[] | null | undefined>;

/** A text of a subject; of the tags any one will do. */
export type TextField = keyof typeof textFields;

/** What a rule asks of a subject. */
export type Match =
  /** Of nothing: everything. */
  | { readonly kind: "all"; readonly of: readonly Match[] }
  | { readonly kind: "any"; readonly of: readonly Match[] }
  | { readonly kind: "not"; readonly of: Match }
  | { readonly kind: "text"; readonly field: TextField; readonly test: TextTest }
  /** A key that is missing equals nothing, not even an empty text. */
  | { readonly kind: "metadata"; readonly of: "server" | "volume"; readonly key: string; readonly test: TextTest }
  | { readonly kind: "flag"; readonly field: "bootable" | "encrypted"; readonly is: boolean }
  /** In GiB, both ends included. */
  | { readonly kind: "size"; readonly minimum: number | null; readonly maximum: number | null };

export type Predicate = (subject: Subject) => boolean;

/** Turns a match into a function that looks nothing up again: rules are many and volumes more. */
export function compileMatch(match: Match): Predicate {
  switch (match.kind) {
    case "all": {
      const parts = match.of.map(compileMatch);
      return (subject) => parts.every((part) => part(subject));
    }
    case "any": {
      const parts = match.of.map(compileMatch);
      return (subject) => parts.some((part) => part(subject));
    }
    case "not": {
      const part = compileMatch(match.of);
      return (subject) => !part(subject);
    }
    case "text": {
      const read: (subject: Subject) => string | readonly string[] | null | undefined = textFields[match.field];
      const holds = compileTest(match.test);
      return (subject) => {
        const value = read(subject);
        if (value === null || value === undefined) return false;
        return typeof value === "string" ? holds(value) : value.some(holds);
      };
    }
    case "metadata": {
      const { of, key } = match;
      const holds = compileTest(match.test);
      return (subject) => {
        const metadata = subject[of]?.metadata;
        // What a tenant calls a key may be the name of something every object has.
        return metadata !== undefined && Object.hasOwn(metadata, key) && holds(metadata[key] ?? "");
      };
    }
    case "flag": {
      const { field, is } = match;
      return ({ volume }) => volume[field] === is;
    }
    case "size": {
      const minimum = match.minimum ?? 0;
      const maximum = match.maximum ?? Infinity;
      return ({ volume }) => volume.sizeGiB >= minimum && volume.sizeGiB <= maximum;
    }
  }
}

function compileTest({ by, anyOf }: TextTest): (value: string) => boolean {
  switch (by) {
    case "equals": {
      const wanted = new Set(anyOf);
      return (value) => wanted.has(value);
    }
    case "prefix":
      return (value) => anyOf.some((wanted) => value.startsWith(wanted));
    case "contains":
      return (value) => anyOf.some((wanted) => value.includes(wanted));
    case "glob":
      return (value) => anyOf.some((pattern) => globMatches(pattern, value));
  }
}

/**
 * Whether a pattern with `*` and `?` is the whole of a text. Not by a regular expression: one made of many stars can take very long, and the
 * texts are tenants'.
 */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let i = 0;
  while (i < text.length) {
    if (pattern[at] === "*") {
      star = at;
      at += 1;
      resume = i;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[i])) {
      at += 1;
      i += 1;
    } else if (star >= 0) {
      // The last star takes one more character.
      at = star + 1;
      resume += 1;
      i = resume;
    } else {
      return false;
    }
  }
  while (pattern[at] === "*") at += 1;
  return at === pattern.length;
}

/** What must be known to ask a match: attachments and their servers, projects, and the names of domains. */
export interface Needs {
  readonly servers: boolean;
  readonly projects: boolean;
  readonly domains: boolean;
}

/** What matches ask for beyond the volumes themselves. */
export function needsOf(matches: Iterable<Match>): Needs {
  const needs = { servers: false, projects: false, domains: false };
  const visit = (match: Match): void => {
    switch (match.kind) {
      case "all":
      case "any":
        match.of.forEach(visit);
        break;
      case "not":
        visit(match.of);
        break;
      case "metadata":
        needs.servers ||= match.of === "server";
        break;
      case "text":
        needs.servers ||= match.field.startsWith("server.");
        // A volume tells its project's id itself.
        needs.projects ||= match.field.startsWith("domain.") || /^project\.(name|tag)$/.test(match.field);
        needs.domains ||= match.field === "domain.name";
        break;
      case "flag":
      case "size":
        break;
    }
  };
  for (const match of matches) visit(match);
  return needs;
}
