import type { Given } from "./collect.ts";
import type { Environment } from "./environment.ts";
import { ConfigError } from "./errors.ts";
import type { Values } from "./option.ts";
import type { schema } from "./schema.ts";
import { checkPlace, readSecret, secretPath, secretSource } from "./secrets.ts";
import type { PolicyHookSettings } from "./settings.ts";

type Read = Values<typeof schema>["policy_hook"];
interface Surroundings {
  readonly environment: Environment;
  readonly given: ReadonlyMap<string, Given>;
  /** Runs `work`, and keeps what a ConfigError has to say for the end. */
  readonly noting: <T>(work: () => T, otherwise: T) => T;
}

/** The settings of `dirigent policy`, and what several of its keys say together. */
export function buildPolicyHook(read: Read, surroundings: Surroundings): PolicyHookSettings {
  const { environment, noting } = surroundings;
  const catalogue = noting(() => catalogueOf(read, surroundings), null);
  noting(() => {
    const isConfigured = read.catalogue.file !== null || read.catalogue.database_url !== null;
    if (read.guard_volume_delete && !isConfigured) {
      throw new ConfigError([
        "policy_hook.guard_volume_delete needs to know the snapshots of a volume; set policy_hook.catalogue.file or policy_hook.catalogue.database_url",
      ]);
    }
  }, undefined);
  return {
    address: read.address,
    port: read.port,
    tls: noting(() => tlsOf(read.tls, environment), null),
    conductorUserIds: read.conductor_user_ids,
    adminsMayDelete: read.admins_may_delete,
    guardVolumeDelete: read.guard_volume_delete,
    lookUp: read.look_up,
    catalogue,
    bodyLimitBytes: read.body_limit,
    headerTimeoutMs: read.header_timeout,
    keepAliveMs: read.keep_alive,
    disableFile: read.disable_file,
    metrics: read.metrics,
  };
}

function tlsOf(
  { certificate_file: certificate, key_file: key, client_ca_file: clientCa }: Read["tls"],
  environment: Environment,
): PolicyHookSettings["tls"] {
  if (certificate === null && key === null && clientCa === null) return null;
  if (certificate === null || key === null) {
    throw new ConfigError(["policy_hook.tls.certificate_file and policy_hook.tls.key_file go together; set both"]);
  }
  return {
    certificateFile: secretPath(certificate, "policy_hook.tls.certificate_file", environment),
    keyFile: secretPath(key, "policy_hook.tls.key_file", environment),
    clientCaFile: clientCa === null ? null : secretPath(clientCa, "policy_hook.tls.client_ca_file", environment),
  };
}

function catalogueOf({ catalogue }: Read, { environment, given }: Surroundings): PolicyHookSettings["catalogue"] {
  const { file, max_age: maxAgeMs, database_url: url } = catalogue;
  const forms = {
    file: catalogue.database_password_file,
    fernet: catalogue.database_password_fernet,
    fernetKeyFile: catalogue.database_password_fernet_key_file,
  };
  const password = secretSource("policy_hook.catalogue.database_password", forms, environment);
  if (file !== null && url !== null) {
    throw new ConfigError(["policy_hook.catalogue.file and policy_hook.catalogue.database_url exclude each other"]);
  }
  if (password !== null && url === null) {
    const form = forms.fernet === null ? "file" : "fernet";
    throw new ConfigError([
      `policy_hook.catalogue.database_password_${form} is set, but policy_hook.catalogue.database_url is not`,
    ]);
  }
  if (file !== null) return { kind: "file", path: file, maxAgeMs };
  if (url === null) return null;
  if (url.startsWith("sqlite:")) {
    throw new ConfigError([
      "policy_hook.catalogue.database_url is SQLite's, which only its conductor may open; use conductor.catalogue_file and policy_hook.catalogue.file",
    ]);
  }
  const full = new URL(url);
  if (full.password !== "") checkPlace(given.get("policy_hook.catalogue.database_url"));
  if (password === null) return { kind: "database", url };
  if (full.password !== "") {
    throw new ConfigError([
      "policy_hook.catalogue.database_url holds a password, and so does another key; take one of them out",
    ]);
  }
  full.password = encodeURIComponent(readSecret(password, environment));
  return { kind: "database", url: full.href };
}
