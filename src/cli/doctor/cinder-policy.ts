import { dirname, join, resolve } from "node:path";
import { parseDocument } from "yaml";
import type { Files } from "../../config/environment.ts";
import { ConfigError } from "../../config/errors.ts";

/** Cinder's policy as its own files have it; what is not in them has Cinder's default. */
export interface CinderPolicy {
  /** The files that were read, in the order in which the later ones replace rules of the earlier. */
  readonly paths: readonly string[];
  readonly rules: ReadonlyMap<string, string>;
  /** `[oslo_policy] remote_ssl_verify_server_crt`. */
  readonly verifiesServer: boolean;
  /** Whom to trust, in place of the system's authorities. */
  readonly caFile: string | null;
  readonly clientCertificateFile: string | null;
  readonly clientKeyFile: string | null;
}

/**
 * Reads cinder.conf, and the policy files that it names, as Cinder finds them.
 * @param path absolute
 * @throws ConfigError when a file cannot be read or understood
 */
export function readCinderPolicy(path: string, files: Files): CinderPolicy {
  const text = files.read(path)?.text;
  if (text === undefined) throw new ConfigError([`${path}: no such file; --cinder-conf names it`]);
  const settings = readSection(text, "oslo_policy");
  const last = (key: string): string | null => settings.get(key)?.at(-1) ?? null;
  const near = (name: string): string => resolve(dirname(path), name);
  const directories = (settings.get("policy_dirs") ?? ["policy.d"]).map(near);
  const candidates = [
    near(last("policy_file") ?? "policy.yaml"),
    ...directories.flatMap((directory) =>
      (files.list(directory) ?? [])
        .filter((name) => !name.startsWith("."))
        .toSorted()
        .map((name) => join(directory, name)),
    ),
  ];
  const read = candidates.flatMap((candidate) => {
    const content = files.read(candidate)?.text;
    return content === undefined ? [] : [{ path: candidate, rules: readRules(candidate, content) }];
  });
  const verify = (last("remote_ssl_verify_server_crt") ?? "false").toLowerCase();
  return {
    paths: read.map((each) => each.path),
    rules: new Map(read.flatMap((each) => each.rules)),
    verifiesServer: ["true", "1", "yes", "on"].includes(verify),
    caFile: last("remote_ssl_ca_crt_file"),
    clientCertificateFile: last("remote_ssl_client_crt_file"),
    clientKeyFile: last("remote_ssl_client_key_file"),
  };
}

/**
 * One section of an oslo.config file. Readers of other INI dialects keep the last of several lines with one key, where here each adds a value.
 * Indented lines go on with the value before.
 */
function readSection(text: string, wanted: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  let section = "DEFAULT";
  let key: string | null = null;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const header = /^\[(.*)\]\s*$/.exec(line);
    const pair = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (header !== null) {
      section = header[1] ?? "";
      key = null;
    } else if (section !== wanted) {
      continue;
    } else if (pair !== null) {
      const [, name = "", value = ""] = pair;
      key = name;
      values.set(name, [...(values.get(name) ?? []), value.replace(/^(["'])(.*)\1$/, "$2")]);
    } else if (key !== null) {
      const all = values.get(key) ?? [];
      all.push(`${all.pop() ?? ""} ${line.trim()}`.trim());
    }
  }
  return values;
}

/** JSON is YAML, too. Rules that are lists, an old form, are kept as text that no judge can read. */
function readRules(path: string, text: string): [string, string][] {
  const document = parseDocument(text, { version: "1.1", prettyErrors: false });
  const content: unknown = document.errors.length === 0 ? document.toJS() : undefined;
  if (content === null) return [];
  if (typeof content !== "object" || Array.isArray(content)) throw new ConfigError([`${path}: is no file of rules`]);
  return Object.entries(content as Record<string, unknown>).map(([name, rule]) => [
    name,
    typeof rule === "string" ? rule : JSON.stringify(rule),
  ]);
}
