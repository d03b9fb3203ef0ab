import { isDeepStrictEqual } from "node:util";
import { formatDuration } from "../domain/durations.ts";
import type { CloudParameters } from "../domain/connection.ts";
import { cloudParameters, type ParametersRequest } from "./cloud-parameters.ts";
import { findCloud, type CloudEntry } from "./clouds.ts";
import { variable, type Environment } from "./environment.ts";
import { ConfigError } from "./errors.ts";
import { deepFreeze } from "./freeze.ts";
import { entryFromVariables, variableOf } from "./os-variables.ts";
import { checkPrivate, readSecret } from "./secrets.ts";
import type { Settings } from "./settings.ts";

export type Role = "reader" | "writer";

export interface Connections {
  readonly reader: CloudParameters;
  readonly writer: CloudParameters;
}

type Source = Pick<ParametersRequest, "entry" | "nameOf">;

const secretKeys = ["password", "application_credential_secret"];

/** Refuses files with this cloud's secret that others may read. */
function checkParts({ parts }: CloudEntry): void {
  for (const { path, mode, entry } of parts) {
    const auth = (entry["auth"] ?? {}) as Readonly<Record<string, unknown>>;
    if (secretKeys.some((key) => key in auth || key in entry)) checkPrivate(path, mode);
  }
}

function sourceOf(role: Role, settings: Settings, environment: Environment): Source {
  const configured = settings.openstack[role].cloud;
  const name = configured ?? variable(environment, "OS_CLOUD");
  // The clients call the variables a cloud of this name, too.
  if (name !== null && name !== "envvars") {
    return namedSource(name, configured === null ? "OS_CLOUD" : `openstack.${role}.cloud`, environment);
  }
  if (variable(environment, "OS_AUTH_URL") === null) {
    throw new ConfigError([
      `there is no OpenStack credential for the ${role}; set openstack.${role}.cloud or OS_CLOUD to the name of a cloud in clouds.yaml, ` +
        "or OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and their companions",
    ]);
  }
  return { entry: entryFromVariables(environment), nameOf: variableOf };
}

/**
 * Reads one role's credential: the configured cloud or `OS_CLOUD` from clouds.yaml, else the `OS_*` variables.
 * @throws ConfigError
 */
export function loadConnection(role: Role, settings: Settings, environment: Environment): CloudParameters {
  const source = sourceOf(role, settings, environment);
  const { secret } = settings.openstack[role];
  const parameters = cloudParameters({
    ...source,
    secret: secret === null ? null : readSecret(secret, environment),
    timeoutMs: settings.openstack.timeoutMs,
    environment,
  });
  const { settleTimeMs } = settings.openstack;
  const timeoutKey = ["api_timeout", "timeout"].find((key) => source.entry[key] !== undefined);
  // Only where clouds.yaml brought the timeout: one that is configured beside the settle time is the operator's own decision.
  const broughtTimeout = settings.openstack.timeoutMs === null && timeoutKey !== undefined;
  if (broughtTimeout && 2 * parameters.timeoutMs > settleTimeMs) {
    throw new ConfigError([
      `${source.nameOf(timeoutKey, false)} is more than half of openstack.settle_time (${formatDuration(settleTimeMs)}); ` +
        "raise openstack.settle_time, or set openstack.timeout",
    ]);
  }
  return deepFreeze(parameters);
}

/**
 * Reads a credential that a command names: a cloud of clouds.yaml.
 * @param request.origin what names it, for errors
 * @throws ConfigError
 */
export function loadNamedConnection({
  cloud: name,
  origin,
  settings,
  environment,
}: {
  readonly cloud: string;
  readonly origin: string;
  readonly settings: Settings;
  readonly environment: Environment;
}): CloudParameters {
  return deepFreeze(
    cloudParameters({
      ...namedSource(name, origin, environment),
      secret: null,
      timeoutMs: settings.openstack.timeoutMs,
      environment,
    }),
  );
}

function namedSource(name: string, origin: string, environment: Environment): Source {
  const cloud = findCloud(name, origin, environment);
  checkParts(cloud);
  return {
    entry: cloud.entry,
    nameOf: (key, inAuth) => `${cloud.path}: cloud ${name}: ${inAuth ? "auth." : ""}${key}`,
  };
}

/**
 * Reads both credentials. Where they are the same, the two are one object: then there is one login.
 * @throws ConfigError with what is wrong with either
 */
export function loadConnections(settings: Settings, environment: Environment): Connections {
  const problems: string[] = [];
  const load = (role: Role): CloudParameters | null => {
    try {
      return loadConnection(role, settings, environment);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return null;
    }
  };
  const reader = load("reader");
  const writer = load("writer");
  if (reader === null || writer === null) throw new ConfigError([...new Set(problems)]);
  return deepFreeze({ reader, writer: isDeepStrictEqual(reader, writer) ? reader : writer });
}
