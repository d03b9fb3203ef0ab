import convict from "convict";
import type { NamedOption } from "./option.ts";
import { options } from "./schema.ts";

type Tree = Record<string, unknown>;

/** Puts a value at a dotted key. */
export function put(tree: Tree, key: string, value: unknown): void {
  const names = key.split(".");
  const last = names.pop() ?? key;
  let section = tree;
  for (const name of names) section = (section[name] ??= {}) as Tree;
  section[last] = value;
}

/** One format for each kind of value; a null stands for "not set" where the key allows it. */
const formatOf = ({ option }: NamedOption) => ({
  name: option.unset === undefined ? option.kind.name : `${option.kind.name} or nothing`,
  validate: (value: unknown): void => {
    if (value !== null || option.unset === undefined) option.kind.read(value);
  },
});

/** The schema as convict has it: documentation, format, default and variable of every key. */
function convictSchema(): convict.Schema<Tree> {
  const tree: Tree = {};
  for (const named of options) {
    const { key, option, variable } = named;
    convict.addFormat(formatOf(named));
    put(tree, key, {
      doc: option.doc,
      format: formatOf(named).name,
      default: option.default,
      sensitive: option.sensitive ?? false,
      ...(variable === null ? {} : { env: variable }),
    });
  }
  return tree as convict.Schema<Tree>;
}

/**
 * Lays the variables over the files' values over the defaults, checks all of it, and gives the value of a key.
 * @param given what the files say, keys with their sections
 * @param variables those that are set
 * @throws Error when a value is not allowed; the caller has looked at every value before, as convict's own words do not help anybody
 */
export function resolve(given: Tree, variables: Record<string, string>): (named: NamedOption) => unknown {
  const config = convict(convictSchema(), { env: variables, args: [] });
  config.load(given).validate({ allowed: "strict" });
  return ({ key, option }) => {
    const value: unknown = config.get(key);
    return value === null && option.unset !== undefined ? null : option.kind.read(value);
  };
}
