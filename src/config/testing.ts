import type { Environment } from "./environment.ts";

interface Parts {
  readonly variables?: Readonly<Record<string, string>>;
  /** Texts by absolute path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Permission bits by absolute path; 0600 where nothing is said. */
  readonly modes?: Readonly<Record<string, number>>;
  readonly workingDirectory?: string;
  readonly homeDirectory?: string;
  readonly hostName?: string;
}

/** An environment for tests, with files in memory. */
export function environmentOf({ variables = {}, files = {}, modes = {}, ...rest }: Parts): Environment {
  return {
    variables,
    workingDirectory: rest.workingDirectory ?? "/",
    homeDirectory: rest.homeDirectory ?? null,
    hostName: rest.hostName ?? "host",
    files: {
      read: (path) => {
        const text = files[path];
        return text === undefined ? null : { text, mode: modes[path] ?? 0o600 };
      },
      list: (path) => {
        const names = Object.keys(files).flatMap((file) => {
          const rest = file.startsWith(`${path}/`) ? file.slice(path.length + 1) : "";
          return rest === "" || rest.includes("/") ? [] : [rest];
        });
        return names.length === 0 ? null : names;
      },
    },
  };
}
