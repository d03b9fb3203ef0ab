import { dirname, join, resolve as resolvePath } from "node:path";
import { buildSettings } from "./build.ts";
import { collectFile, collectOptions, collectVariables, configVariable, valueProblem, type Given } from "./collect.ts";
import { put, resolve } from "./convict.ts";
import { variable } from "./environment.ts";
import { ConfigError } from "./errors.ts";
import { deepFreeze } from "./freeze.ts";
import type { Values } from "./option.ts";
import { defaultConfigFile, type LoadRequest } from "./request.ts";
import { options, type schema } from "./schema.ts";
import type { Settings } from "./settings.ts";
import { showSecret } from "./show.ts";
import { readYaml } from "./yaml.ts";

interface ConfigFile {
  readonly path: string;
  readonly mode: number;
  readonly text: string;
}

/** The main file, then those of conf.d beside it in the order of their names. */
function findFiles({ environment, configFile }: LoadRequest): { files: ConfigFile[]; problems: string[] } {
  const named = configFile ?? variable(environment, configVariable);
  const main = resolvePath(environment.workingDirectory, named ?? defaultConfigFile);
  const directory = join(dirname(main), "conf.d");
  const names = (environment.files.list(directory) ?? []).toSorted();
  const problems = names
    .filter((name) => /^[^.].*\.yml$/.test(name))
    .map((name) => `${join(directory, name)}: only names that end in .yaml are read; rename it`);
  const paths = names.filter((name) => /^[^.].*\.yaml$/.test(name)).map((name) => join(directory, name));
  const files = [main, ...paths].flatMap((path) => {
    const file = environment.files.read(path);
    if (file !== null) return [{ path, ...file }];
    if (path === main && named !== null) {
      const origin = configFile === undefined ? configVariable : "--config";
      problems.push(`${path}: no such file; ${origin} names it`);
    }
    return [];
  });
  return { files, problems };
}

function readFiles(files: readonly ConfigFile[]): { given: Given[]; problems: string[] } {
  const read = files.map(({ path, mode, text }) => {
    const { entries, problems } = readYaml(path, text);
    const collected = collectFile(entries, mode);
    return { given: collected.given, problems: [...problems, ...collected.problems] };
  });
  return { given: read.flatMap((each) => each.given), problems: read.flatMap((each) => each.problems) };
}

/** All that was given for keys, and the files that were read. @throws ConfigError with everything that is wrong */
function readAll(request: LoadRequest): {
  files: readonly ConfigFile[];
  fromFiles: readonly Given[];
  fromVariables: readonly Given[];
  fromOptions: readonly Given[];
} {
  const { files, problems } = findFiles(request);
  const fromFiles = readFiles(files);
  const fromVariables = collectVariables(request.environment);
  const fromOptions = collectOptions(request.overrides?.values ?? {});
  problems.push(...fromFiles.problems, ...fromVariables.problems);
  const given = [...fromFiles.given, ...fromVariables.given, ...fromOptions];
  problems.push(...given.map(valueProblem).filter((problem) => problem !== null));
  if (problems.length > 0) throw new ConfigError(problems);
  return { files, fromFiles: fromFiles.given, fromVariables: fromVariables.given, fromOptions };
}

/** The value of a key as one would write it, and where it comes from. */
export interface EffectiveValue {
  readonly key: string;
  /** A secret is hidden. */
  readonly value: unknown;
  /** `file:line:column`, the name of a variable, an option of the command line, or `default`. */
  readonly source: string;
}

/**
 * What is in force for every key, in the order of the reference.
 * @throws ConfigError as {@link loadSettings} does
 */
export function effectiveValues(request: LoadRequest): readonly EffectiveValue[] {
  // Says all that is wrong, also what only the whole shows.
  loadSettings(request);
  const { fromFiles, fromVariables, fromOptions } = readAll(request);
  const given = new Map([...fromFiles, ...fromVariables, ...fromOptions].map((each) => [each.named.key, each]));
  const { cloud, logLevel } = request.overrides ?? {};
  const overrides = new Map<string, Omit<EffectiveValue, "key">>();
  if (cloud !== undefined) {
    for (const role of ["reader", "writer"])
      overrides.set(`openstack.${role}.cloud`, { value: cloud, source: "--cloud" });
  }
  if (logLevel !== undefined) overrides.set("log.level", { value: logLevel, source: "--log-level" });
  return options.map((named) => {
    const { key, option } = named;
    const place = given.get(key);
    const found = overrides.get(key) ?? {
      value: place === undefined ? option.default : place.value,
      source: place?.place ?? "default",
    };
    return { key, value: option.sensitive === true ? showSecret(found.value) : found.value, source: found.source };
  });
}

/**
 * Reads the whole configuration: defaults, then the main file, then conf.d, then the environment, then the command line.
 * @throws ConfigError with everything that is wrong, not only the first
 */
export function loadSettings(request: LoadRequest): Settings {
  const { files, fromFiles, fromVariables, fromOptions } = readAll(request);
  const tree = {};
  for (const { named, value } of fromFiles) put(tree, named.key, value);
  const read = resolve(tree, Object.fromEntries(fromVariables.map(({ place, value }) => [place, String(value)])));
  const values = {};
  for (const named of options) put(values, named.key, read(named));
  for (const { named, value } of fromOptions) put(values, named.key, named.option.kind.read(value));
  const settings = buildSettings({
    values: values as Values<typeof schema>,
    // The last one given is the one that counts.
    given: new Map([...fromFiles, ...fromVariables, ...fromOptions].map((each) => [each.named.key, each])),
    files: files.map(({ path }) => path),
    request,
  });
  return deepFreeze(settings);
}

/** Settings from values given by a program, keys with their sections as in a file. What is left out has its default. */
export function settingsFrom(values: Readonly<Record<string, unknown>>, hostName = "localhost"): Settings {
  const path = "/values.yaml";
  return loadSettings({
    configFile: path,
    environment: {
      variables: {},
      workingDirectory: "/",
      homeDirectory: null,
      hostName,
      // JSON is YAML.
      files: { read: (at) => (at === path ? { text: JSON.stringify(values), mode: 0o600 } : null), list: () => null },
    },
  });
}
