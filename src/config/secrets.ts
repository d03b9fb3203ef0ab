import { isAbsolute, join } from "node:path";
import { variable, type Environment } from "./environment.ts";
import { ConfigError } from "./errors.ts";

const readableByOthers = 0o044;

/**
 * Refuses a file with a secret that others than its owner may read.
 * @param allowed permission bits to overlook
 * @throws ConfigError with the command that mends it
 */
export function checkPrivate(path: string, mode: number, allowed = 0): void {
  if ((mode & readableByOthers & ~allowed) === 0) return;
  const who = (mode & 0o004) === 0 ? "its group" : "everybody";
  throw new ConfigError([
    `${path}: holds a secret and can be read by ${who} (mode ${mode.toString(8).padStart(4, "0")}); run: chmod 600 ${quoted(path)}`,
  ]);
}

const quoted = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;

/**
 * Where a configured secret file is: an absolute path as it is, a plain name among the systemd credentials.
 * @throws ConfigError when there are none
 */
export function secretPath(name: string, key: string, environment: Environment): string {
  if (isAbsolute(name)) return name;
  const directory = variable(environment, "CREDENTIALS_DIRECTORY");
  if (directory !== null) return join(directory, name);
  throw new ConfigError([
    `${key} is "${name}", a systemd credential, but CREDENTIALS_DIRECTORY is not set; ` +
      `add LoadCredential=${name}:/path/to/file to the unit, or give an absolute path`,
  ]);
}

/**
 * Reads a secret from a file of its own, without the line break at its end.
 * @throws ConfigError when it is missing, empty, or readable by others
 */
export function readSecret(path: string, key: string, environment: Environment): string {
  const file = environment.files.read(path);
  if (file === null) throw new ConfigError([`${path}: no such file; ${key} names it`]);
  const credentials = variable(environment, "CREDENTIALS_DIRECTORY");
  // systemd lets the service's user read a credential by an ACL, whose mask shows as the group's bits; the directory is the user's alone.
  const bySystemd = credentials !== null && path.startsWith(join(credentials, "/"));
  checkPrivate(path, file.mode, bySystemd ? 0o040 : 0);
  const secret = file.text.replace(/\r?\n$/, "");
  if (secret === "") throw new ConfigError([`${path}: is empty; ${key} names it`]);
  return secret;
}
