import { isAbsolute, join } from "node:path";
import { variable, type Environment } from "./environment.ts";
import { ConfigError } from "./errors.ts";
import { fernetKey, openFernet } from "./fernet.ts";

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

/**
 * Refuses a file of the configuration that has a secret as a plain value and that others may read.
 * @param given where the value came from; nothing is to be refused in a variable
 */
export function checkPlace(given: { readonly place: string; readonly mode: number | null } | undefined): void {
  if (given === undefined || given.mode === null) return;
  checkPrivate(given.place.replace(/:\d+:\d+$/, ""), given.mode);
}

const quoted = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;

/** The ways to give one secret, as they are configured; null where one is not used. The keys are `KEY`, `KEY_file`, `KEY_fernet`, `KEY_fernet_key_file`. */
export interface SecretForms {
  /** The secret itself; left out where it has another place of its own, such as clouds.yaml. */
  readonly value?: string | null;
  /** An absolute path, or the name of a systemd credential. */
  readonly file: string | null;
  readonly fernet: string | null;
  /** As {@link file}. */
  readonly fernetKeyFile: string | null;
}

/** Where a secret is to be read: the one way that is configured, with absolute paths. */
export type SecretSource =
  | { readonly kind: "value"; readonly value: string }
  | { readonly kind: "file"; readonly key: string; readonly path: string }
  | { readonly kind: "fernet"; readonly key: string; readonly token: string; readonly keyPath: string };

/**
 * Sorts out which way a secret is given. Reads no file.
 * @param key of the secret, without the ending of any form, e.g. `mail.password`
 * @returns null when it is not given at all
 * @throws ConfigError when it is given twice, or by half
 */
export function secretSource(key: string, forms: SecretForms, environment: Environment): SecretSource | null {
  const { value = null, file, fernet, fernetKeyFile } = forms;
  const given = [
    ...(value === null ? [] : [key]),
    ...(file === null ? [] : [`${key}_file`]),
    ...(fernet === null ? [] : [`${key}_fernet`]),
  ];
  if (given.length > 1) {
    throw new ConfigError([`${given.join(" and ")} are set, but one secret has one place; take all but one out`]);
  }
  if (fernet === null && fernetKeyFile !== null) {
    throw new ConfigError([
      `${key}_fernet_key_file is set, but there is no ${key}_fernet to open with it; set that to the token, or take it out`,
    ]);
  }
  if (value !== null) return { kind: "value", value };
  if (file !== null) return { kind: "file", key, path: secretPath(file, `${key}_file`, environment) };
  if (fernet === null) return null;
  if (fernetKeyFile === null) {
    throw new ConfigError([
      `${key}_fernet is set, but nothing to open it with; set ${key}_fernet_key_file to the file with its key`,
    ]);
  }
  const keyPath = secretPath(fernetKeyFile, `${key}_fernet_key_file`, environment);
  return { kind: "fernet", key, token: fernet, keyPath };
}

/**
 * Reads a secret from wherever it is.
 * @throws ConfigError naming the key and what mends it, never the secret
 */
export function readSecret(source: SecretSource, environment: Environment): string {
  switch (source.kind) {
    case "value":
      return source.value;
    case "file":
      return readSecretFile(source.path, `${source.key}_file`, environment);
    case "fernet": {
      const { key, token, keyPath } = source;
      const opener = fernetKey(readSecretFile(keyPath, `${key}_fernet_key_file`, environment).trim());
      if (opener === null) {
        throw new ConfigError([
          `${keyPath}: is no Fernet key (32 bytes in URL-safe base64, 44 characters); ${key}_fernet_key_file names it`,
        ]);
      }
      const secret = openFernet(token, opener);
      if (secret === null || secret === "") {
        throw new ConfigError([
          `${key}_fernet ${secret === null ? "cannot be opened" : "is empty when opened"} with the key in ${keyPath}; ` +
            "make the token again with that key, or name the file with the key it was made with",
        ]);
      }
      return secret;
    }
  }
}

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
 * Reads a secret file's text, without the line break at its end.
 * @throws ConfigError when it is missing, empty, or readable by others
 */
export function readSecretFile(path: string, key: string, environment: Environment): string {
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
