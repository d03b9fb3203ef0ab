import type { Kind } from "../kinds.ts";
import { nearest } from "../nearest.ts";
import { isOption, type Option, type Section, type Values } from "../option.ts";
import { showValue } from "../show.ts";
import { plain, type Place, type YamlNode } from "../yaml.ts";

/** A part of a file: what it is called for people, where it is, and what it holds. */
export interface Part {
  /** With all that it is in, e.g. `policies.gold.schedule`. */
  readonly key: string;
  readonly place: Place;
  readonly node: YamlNode;
}

export type Parts = ReadonlyMap<string, Part>;

/** A key as it is shown: in quotes when it is no plain word. */
export const quoteName = (name: string): string => (/^[\w-]+$/.test(name) ? name : JSON.stringify(name));

/** Reads files strictly and gathers what is wrong with them, so that all of it can be said at once. */
export class Reading {
  readonly problems: string[] = [];

  /** `text` completes "policies.gold.schedule ". */
  complain({ place, key }: Pick<Part, "place" | "key">, text: string): void {
    this.problems.push(`${place}: ${key} ${text}`);
  }

  /** Says that a value is none of those allowed. */
  refuse(part: Part, allowed: string, reason = ""): void {
    const why = reason === "" ? "" : ` (${reason})`;
    this.complain(part, `is ${showValue(plain(part.node), part.key)}${why}; allowed: ${allowed}`);
  }

  /** Runs `work`; null when it had anything to complain about. */
  whole<T>(work: () => T): T | null {
    const before = this.problems.length;
    const made = work();
    return this.problems.length === before ? made : null;
  }

  /** The entries of a map, whatever their names; null when it is none. */
  entries(part: Part): Parts | null {
    if (part.node.kind !== "map") {
      this.refuse(part, "a map");
      return null;
    }
    return new Map(
      part.node.entries.map(({ key, place, node }) => [key, { key: `${part.key}.${quoteName(key)}`, place, node }]),
    );
  }

  /**
   * The entries of a map that may have no others than those named.
   * @param hints what to say of a name that is known from elsewhere
   */
  map(part: Part, names: readonly string[], hints: Readonly<Record<string, string>> = {}): Parts | null {
    if (part.node.kind !== "map") {
      this.refuse(part, `a map with the keys ${names.join(", ")}`);
      return null;
    }
    const entries = this.entries(part);
    this.knownOnly(entries ?? new Map<string, Part>(), names, `${part.key}.`, hints);
    return entries;
  }

  /** Complains about entries that have other names. @param prefix of the keys, with its dot */
  knownOnly(
    entries: Parts,
    names: readonly string[],
    prefix: string,
    hints: Readonly<Record<string, string>> = {},
  ): void {
    for (const [name, entry] of entries) {
      if (names.includes(name)) continue;
      const near = nearest(name, names);
      const advice =
        (Object.hasOwn(hints, name) ? hints[name] : undefined) ??
        (near === null ? `known here: ${names.join(", ")}` : `did you mean ${prefix}${near}?`);
      this.complain(entry, `is not a known key (value: ${showValue(plain(entry.node), entry.key)}); ${advice}`);
    }
  }

  /** The items of a list; null when it is none. */
  list(part: Part, allowed = "a list"): readonly Part[] | null {
    if (part.node.kind !== "list") {
      this.refuse(part, allowed);
      return null;
    }
    return part.node.items.map(({ place, node }, i) => ({ key: `${part.key}[${i}]`, place, node }));
  }

  /** A list, or a single value in the place of a list of one. */
  listOrOne(part: Part): readonly Part[] {
    const items = part.node.kind === "list" ? (this.list(part) ?? []) : [part];
    if (items.length === 0) this.complain(part, "is an empty list; take it out, or say what it is to hold");
    return items;
  }

  /** A text of a kind. An id of digits alone, or a version such as 1.10, would be a number to YAML, and another text. */
  text<T>(part: Part, kind: Kind<T>): T | undefined {
    const { node } = part;
    const isWritten = node.kind === "value" && ["number", "boolean"].includes(typeof node.value);
    return this.value(isWritten ? { ...part, node: { kind: "value", value: node.written ?? node.value } } : part, kind);
  }

  /** A value of a kind; undefined when it is not of it. */
  value<T>(part: Part, kind: Kind<T>): T | undefined {
    const raw = plain(part.node);
    try {
      return kind.read(raw);
    } catch (error) {
      const none = raw === null ? "; leave the key out if nothing is to be said" : "";
      this.refuse(part, `${kind.allowed}${none}`, error instanceof Error ? error.message : "");
      return undefined;
    }
  }

  /** The value of a key that must be there. */
  required<T>(parts: Parts, name: string, kind: Kind<T>, parent: Part): T | undefined {
    const part = parts.get(name);
    if (part !== undefined) return this.value(part, kind);
    this.complain({ place: parent.place, key: `${parent.key}.${name}` }, `is missing; allowed: ${kind.allowed}`);
    return undefined;
  }

  /** The value of a key, or what counts without it. */
  optional<T, Otherwise>(parts: Parts, name: string, kind: Kind<T>, otherwise: Otherwise): T | Otherwise | undefined {
    const part = parts.get(name);
    return part === undefined ? otherwise : this.value(part, kind);
  }

  /**
   * The values of a section, defaults filled in.
   * @param more further keys of the same map, which the caller reads
   * @returns null when anything is wrong in it
   */
  section<S extends Section>(part: Part, schema: S, more: readonly string[] = []): Values<S> | null {
    return this.whole(() => {
      const parts = this.map(part, [...Object.keys(schema), ...more]);
      return Object.fromEntries(
        Object.entries(schema).map(([name, entry]) => [name, this.#sectionValue(part, parts?.get(name), name, entry)]),
      ) as Values<S>;
    });
  }

  #sectionValue(parent: Part, part: Part | undefined, name: string, entry: Option<unknown> | Section): unknown {
    if (!isOption(entry)) {
      return this.section(
        part ?? { key: `${parent.key}.${name}`, place: parent.place, node: { kind: "map", entries: [] } },
        entry,
      );
    }
    if (part !== undefined) return this.value(part, entry.kind);
    if (entry.default !== null) return entry.kind.read(entry.default);
    if (entry.unset === undefined) this.required(new Map(), name, entry.kind, parent);
    return null;
  }
}
