import { join, resolve } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import { variable, type Environment } from "./environment.ts";
import { ConfigError } from "./errors.ts";
import { withoutText } from "./yaml.ts";

type Entry = Readonly<Record<string, unknown>>;

/** One cloud of clouds.yaml, with what secure.yaml adds to it. */
export interface CloudEntry {
  readonly entry: Entry;
  /** clouds.yaml's path, for errors. */
  readonly path: string;
  /** Files that say something about the cloud, the later ones over the earlier, with their permission bits. */
  readonly parts: readonly { readonly path: string; readonly mode: number; readonly entry: Entry }[];
}

interface CloudsFile {
  readonly path: string;
  readonly mode: number;
  readonly clouds: Entry;
}

const endings = ["yaml", "yml", "json"];

const isMap = (value: unknown): value is Entry => typeof value === "object" && value !== null && !Array.isArray(value);

/** Where the OpenStack clients look, in their order. */
const searched = (environment: Environment): string[] => [
  environment.workingDirectory,
  ...(environment.homeDirectory === null ? [] : [join(environment.homeDirectory, ".config", "openstack")]),
  "/etc/openstack",
];

/** Reads the file that a variable names, else the first one that exists in `directories`. */
function find(
  base: "clouds" | "secure",
  { environment, directories }: { environment: Environment; directories: readonly string[] },
): CloudsFile | null {
  const name = base === "clouds" ? "OS_CLIENT_CONFIG_FILE" : "OS_CLIENT_SECURE_FILE";
  const named = variable(environment, name);
  const paths =
    named === null
      ? directories.flatMap((directory) => endings.map((ending) => join(directory, `${base}.${ending}`)))
      : [resolve(environment.workingDirectory, named)];
  for (const path of paths) {
    const file = environment.files.read(path);
    if (file !== null) return { path, mode: file.mode, clouds: readClouds(path, file.text) };
  }
  if (named !== null) throw new ConfigError([`${paths.join("")}: no such file; ${name} names it`]);
  return null;
}

/** YAML 1.1 with merge keys, as the Python clients read it. */
function readClouds(path: string, text: string): Entry {
  const lines = new LineCounter();
  const document = parseDocument(text, { version: "1.1", merge: true, prettyErrors: false, lineCounter: lines });
  const problems = document.errors.map((error) => {
    const { line, col } = lines.linePos(error.pos[0]);
    return `${path}:${line}:${col}: not valid YAML: ${withoutText(error.message)}`;
  });
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
  const content: unknown = document.toJS();
  const clouds = isMap(content) ? content["clouds"] : undefined;
  if (!isMap(clouds)) throw new ConfigError([`${path}: has no map named clouds`]);
  return clouds;
}

const merge = (under: Entry, over: Entry): Entry => ({
  ...under,
  ...Object.fromEntries(
    Object.entries(over).map(([key, value]) => {
      const below = under[key];
      return [key, isMap(below) && isMap(value) ? merge(below, value) : value];
    }),
  ),
});

/**
 * Finds a cloud by its name in clouds.yaml and secure.yaml, where the OpenStack clients look for them.
 * @param origin what asked for the cloud, for errors
 * @throws ConfigError
 */
export function findCloud(name: string, origin: string, environment: Environment): CloudEntry {
  const directories = searched(environment);
  const clouds = find("clouds", { environment, directories });
  if (clouds === null) {
    throw new ConfigError([
      `${origin} is ${name}, but there is no clouds.yaml in ${directories.join(", ")}; ` +
        "put one there, or let OS_CLIENT_CONFIG_FILE name it",
    ]);
  }
  const beside = resolve(clouds.path, "..");
  const secure = find("secure", { environment, directories: [beside, ...directories] });
  const parts = [clouds, ...(secure === null ? [] : [secure])].flatMap((file) => {
    const entry = file.clouds[name];
    return isMap(entry) ? [{ path: file.path, mode: file.mode, entry }] : [];
  });
  if (!isMap(clouds.clouds[name])) {
    const known = Object.keys(clouds.clouds).join(", ");
    throw new ConfigError([`${clouds.path}: has no cloud ${name}, which ${origin} asks for; it has: ${known}`]);
  }
  const entry = parts.map((part) => part.entry).reduce(merge, {});
  return { entry, path: clouds.path, parts };
}
