import type { Environment } from "./environment.ts";
import type { LogLevel } from "./settings.ts";

export const defaultConfigFile = "/etc/dirigent/dirigent.yaml";

/** A key's value that an option of the command line gives. */
export interface OptionValue {
  readonly value: unknown;
  /** For errors, e.g. `--create-schedule`. */
  readonly option: string;
}

export interface LoadRequest {
  readonly environment: Environment;
  /** From the command line; else `DIRIGENT_CONFIG`, else {@link defaultConfigFile}, which alone may be missing. */
  readonly configFile?: string;
  /** Of the command line; they win over everything. */
  readonly overrides?: {
    readonly cloud?: string;
    readonly logLevel?: LogLevel;
    /** By key; what is not given is `undefined`. */
    readonly values?: Readonly<Record<string, OptionValue | undefined>>;
  };
}
