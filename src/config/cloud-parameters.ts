import { resolve } from "node:path";
import type {
  ByIdOrName,
  CloudAuth,
  CloudParameters,
  EndpointInterface,
  ProjectRef,
  UserRef,
} from "../domain/connection.ts";
import type { Environment } from "./environment.ts";
import { ConfigError } from "./errors.ts";

type Entry = Readonly<Record<string, unknown>>;

export interface ParametersRequest {
  /** A cloud's entry in the shape of clouds.yaml. */
  readonly entry: Entry;
  /** How a key is called where the entry comes from, e.g. `/x/clouds.yaml: cloud a: auth.password` or `OS_PASSWORD`. */
  readonly nameOf: (key: string, inAuth: boolean) => string;
  /** In place of the entry's password or application credential secret; null: the entry's. */
  readonly secret: string | null;
  /** Null: the entry's timeout, else a minute. */
  readonly timeoutMs: number | null;
  readonly environment: Environment;
}

const defaultTimeoutMs = 60_000;
const interfaces: readonly EndpointInterface[] = ["public", "internal", "admin"];

/**
 * Turns an entry of clouds.yaml into what the client needs.
 * @throws ConfigError with everything that is wrong; never with a value that may be a secret
 */
export function cloudParameters(request: ParametersRequest): CloudParameters {
  const { entry, nameOf, environment } = request;
  const problems: string[] = [];
  const authEntry = (entry["auth"] ?? {}) as Entry;

  /** A text of `auth`, or beside it: the clients read both. */
  const text = (key: string): string | null => {
    const inAuth = authEntry[key] !== undefined || entry[key] === undefined;
    const value = inAuth ? authEntry[key] : entry[key];
    if (value === undefined || value === null || value === "") return null;
    if (typeof value === "string") return value;
    problems.push(`${nameOf(key, inAuth)} is not a text; put its value in quotes`);
    return null;
  };
  const needed = (key: string, otherwise = ""): string => {
    const value = text(key);
    if (value === null) problems.push(`${nameOf(key, true)} is missing${otherwise}`);
    return value ?? "";
  };
  const first = (...keys: readonly string[]): string | null => {
    for (const key of keys) {
      const value = text(key);
      if (value !== null) return value;
    }
    return null;
  };

  const domain = (of: "user" | "project"): ByIdOrName => {
    const id = text(`${of}_domain_id`);
    if (id !== null) return { id };
    const name = text(`${of}_domain_name`);
    if (name !== null) return { name };
    const defaultName = text("default_domain_name");
    if (defaultName !== null) return { name: defaultName };
    // As the openstack command does it: every Keystone has a domain with this id.
    return { id: first("default_domain_id", "default_domain") ?? "default" };
  };
  const user = (): UserRef => {
    const id = text("user_id");
    return id === null ? { name: needed("username"), domain: domain("user") } : { id };
  };
  const project = (): ProjectRef | null => {
    const id = first("project_id", "tenant_id");
    if (id !== null) return { id };
    const name = first("project_name", "tenant_name");
    return name === null ? null : { name, domain: domain("project") };
  };

  const auth = (): CloudAuth => {
    const id = text("application_credential_id");
    const name = text("application_credential_name");
    const type = text("auth_type") ?? (id === null && name === null ? "password" : "v3applicationcredential");
    if (type === "v3applicationcredential") {
      return {
        kind: "application_credential",
        credential: id !== null ? { id } : { name: needed("application_credential_name"), user: user() },
        secret: request.secret ?? needed("application_credential_secret", ", and no secret_file is configured"),
      };
    }
    if (type !== "password" && type !== "v3password") {
      const allowed = "password, v3password, v3applicationcredential";
      problems.push(`${nameOf("auth_type", false)} is ${JSON.stringify(type)}; allowed: ${allowed}`);
    }
    const scope = project();
    return {
      kind: "password",
      user: user(),
      password: request.secret ?? needed("password", ", and no secret_file is configured"),
      ...(scope === null ? {} : { project: scope }),
    };
  };

  const authUrl = (): string => {
    const url = needed("auth_url");
    if (url === "") return url;
    const parsed = URL.parse(url);
    const good = parsed !== null && ["http:", "https:"].includes(parsed.protocol) && parsed.username === "";
    if (!good) problems.push(`${nameOf("auth_url", true)} is not a URL such as https://keystone.example.org:5000/v3`);
    return url;
  };

  const wantedInterface = (): EndpointInterface => {
    const raw = first("interface", "endpoint_type") ?? "public";
    const found = interfaces.find((each) => raw === each || raw === `${each}URL`);
    if (found === undefined) {
      problems.push(`${nameOf("interface", false)} is ${JSON.stringify(raw)}; allowed: ${interfaces.join(", ")}`);
    }
    return found ?? "public";
  };

  const truth = (key: string): boolean | null => {
    const raw = entry[key];
    if (raw === undefined || raw === null || raw === "") return null;
    if (typeof raw === "boolean") return raw;
    const value = typeof raw === "string" ? raw.toLowerCase() : "";
    if (["true", "1", "yes"].includes(value)) return true;
    if (["false", "0", "no"].includes(value)) return false;
    problems.push(`${nameOf(key, false)} is neither true nor false`);
    return null;
  };

  const caFile = (): string | null => {
    const raw = text("cacert");
    if (raw === null) return null;
    const home = environment.homeDirectory;
    const path = resolve(
      environment.workingDirectory,
      home !== null && raw.startsWith("~/") ? raw.replace("~", home) : raw,
    );
    if (environment.files.read(path) === null) problems.push(`${nameOf("cacert", false)}: no such file: ${path}`);
    return path;
  };

  const timeoutMs = (): number => {
    const key = entry["api_timeout"] === undefined ? "timeout" : "api_timeout";
    const seconds = entry[key];
    if (seconds === undefined || seconds === null) return defaultTimeoutMs;
    if (typeof seconds === "number" && seconds > 0) return Math.round(seconds * 1000);
    problems.push(`${nameOf(key, false)} is not a number of seconds above zero`);
    return defaultTimeoutMs;
  };

  const region = (): string | null => {
    const regions: unknown = entry["regions"];
    const one: unknown = Array.isArray(regions) ? regions[0] : undefined;
    const name = typeof one === "object" && one !== null && "name" in one ? one.name : one;
    return text("region_name") ?? (typeof name === "string" ? name : null);
  };

  for (const key of ["profile", "cloud", "cert"]) {
    // To pass over them would end in a confusing failure later.
    if (entry[key] !== undefined) problems.push(`${nameOf(key, false)} is not supported`);
  }
  const foundRegion = region();
  const foundCaFile = caFile();
  const parameters: CloudParameters = {
    authUrl: authUrl(),
    auth: auth(),
    ...(foundRegion === null ? {} : { region: foundRegion }),
    interface: wantedInterface(),
    ...(foundCaFile === null ? {} : { caFile: foundCaFile }),
    verify: truth("verify") ?? !(truth("insecure") ?? false),
    timeoutMs: request.timeoutMs ?? timeoutMs(),
  };
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
  return parameters;
}
