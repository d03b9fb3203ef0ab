import { closeSync, fstatSync, openSync, readdirSync, readFileSync } from "node:fs";
import { ConfigError } from "./errors.ts";

/** The files of a machine, as far as configuration needs them. Paths are absolute. */
export interface Files {
  /**
   * @returns the text and the permission bits, null when there is no such file
   * @throws ConfigError when it is there but cannot be read
   */
  read(path: string): { readonly text: string; readonly mode: number } | null;
  /** @returns the names in a directory, null when there is no such directory */
  list(path: string): readonly string[] | null;
}

/** Everything outside the program that configuration may depend on. Nothing here is read from anywhere else. */
export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** Null when the user has none, as many service users. */
  readonly homeDirectory: string | null;
  readonly hostName: string;
  readonly files: Files;
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");

const describe = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "unknown error";

/** Runs `work`; null when the file or directory is missing. */
function unlessMissing<T>(path: string, work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (isMissing(error)) return null;
    throw new ConfigError([`${path}: cannot be read (${describe(error)})`], { cause: error });
  }
}

/** The real file system. Mode and text come from one open file, so that nobody can swap it in between. */
export const systemFiles: Files = {
  read: (path) =>
    unlessMissing(path, () => {
      const handle = openSync(path, "r");
      try {
        return { mode: fstatSync(handle).mode & 0o777, text: readFileSync(handle, "utf8") };
      } finally {
        closeSync(handle);
      }
    }),
  list: (path) => unlessMissing(path, () => readdirSync(path)),
};

/** A variable's value; one that is set to nothing counts as not set. */
export function variable(environment: Environment, name: string): string | null {
  const value = environment.variables[name];
  return value === undefined || value === "" ? null : value;
}
