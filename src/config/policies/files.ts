import type { Environment } from "../environment.ts";
import { ConfigError } from "../errors.ts";
import type { Settings } from "../settings.ts";
import type { BookDefaults, PolicyFiles, TextFile } from "./read-book.ts";

/**
 * The files that the configuration names, as they are now.
 * @throws ConfigError when one is missing or cannot be read
 */
export function policyFiles({ file, rulesFile }: Settings["policies"], { files }: Environment): PolicyFiles {
  const problems: string[] = [];
  const read = (path: string | null, key: string): TextFile | null => {
    if (path === null) return null;
    try {
      const found = files.read(path);
      if (found !== null) return { path, text: found.text };
      problems.push(`${path}: no such file; ${key} names it`);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
    return null;
  };
  const found = { policies: read(file, "policies.file"), rules: read(rulesFile, "policies.rules_file") };
  if (problems.length > 0) throw new ConfigError(problems);
  return found;
}

/** What the configuration says for all policies. */
export const bookDefaults = ({ backup, conductor, policy }: Settings): BookDefaults => ({
  timeZone: conductor.timeZone,
  container: backup.container,
  builtIn: policy,
});
