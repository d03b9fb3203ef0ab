import type { Kind } from "./kinds.ts";

/** One key of the configuration. */
export interface Option<T> {
  readonly kind: Kind<T>;
  /** As one would write it in YAML; null: nothing. */
  readonly default: unknown;
  /** What it is for, in one or two sentences without the allowed values. */
  readonly doc: string;
  /** What happens without a value, where `default` is null. */
  readonly unset?: string;
  /** Holds a secret when the value has a password in it. */
  readonly sensitive?: boolean;
  /** True: in files only, as it is no single text. */
  readonly fileOnly?: boolean;
}

export interface Section {
  readonly [name: string]: Option<unknown> | Section;
}

/** The values of a section: those of `option`s typed, those of `unset`s with null. */
export type Values<S> = { readonly [K in keyof S]: S[K] extends Option<infer T> ? T : Values<S[K]> };

type Rest = Pick<Option<unknown>, "sensitive" | "fileOnly">;

/** A key with a default, as one would write it in YAML. */
export const option = <T>(kind: Kind<T>, value: unknown, doc: string, rest: Rest = {}): Option<T> => ({
  kind,
  default: value,
  doc,
  ...rest,
});

/** A key without a default. */
export const optional = <T>(kind: Kind<T>, unset: string, doc: string, rest: Rest = {}): Option<T | null> => ({
  kind,
  default: null,
  doc,
  unset,
  ...rest,
});

/** A key that must be given. */
export const required = <T>(kind: Kind<T>, doc: string): Option<T> => ({ kind, default: null, doc });

/** A key with its dots, beside its option. */
export interface NamedOption {
  readonly key: string;
  readonly option: Option<unknown>;
  /** The variable that sets it; null for those in files only. */
  readonly variable: string | null;
}

export const isOption = (entry: Option<unknown> | Section): entry is Option<unknown> =>
  "kind" in entry && "doc" in entry;

/** The keys of a section and of those in it, in their order. @param prefix with its dot, or nothing */
export const namedOptions = (section: Section, prefix: string): readonly NamedOption[] =>
  Object.entries(section).flatMap(([name, entry]) => {
    const key = `${prefix}${name}`;
    if (!isOption(entry)) return namedOptions(entry, `${key}.`);
    const variable = entry.fileOnly ? null : `DIRIGENT_${key.replaceAll(".", "_").toUpperCase()}`;
    return [{ key, option: entry, variable }];
  });
