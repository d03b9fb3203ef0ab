import { resolve } from "node:path";
import { Option } from "commander";
import { bookDefaults, policyFiles } from "../config/policies/files.ts";
import { readPolicyBook } from "../config/policies/read-book.ts";
import type { PolicyBook } from "../domain/policy-book.ts";
import { presetNames } from "../domain/presets.ts";
import type { Context } from "./command.ts";

/** Files in the place of those that the configuration names. */
export interface PolicyFileOptions {
  readonly policies?: string;
  readonly rules?: string;
}

/** Said of a policy of SnapSentry's by its name. */
export const ofEachVolume = "is made of each volume's own metadata; dirigent explain VOLUME shows it";

export const policyFileOptions: readonly Option[] = [
  new Option("--policies <file>", "in place of policies.file"),
  new Option("--rules <file>", "in place of policies.rules_file; Platform9's format when it ends in .json"),
];

/** The paths of the files: those given, else the configuration's. */
export function pathsOf({ environment, settings }: Context, given: PolicyFileOptions = {}) {
  const { file, rulesFile, publishAssignment } = settings().policies;
  const absolute = (path: string): string => resolve(environment.workingDirectory, path);
  return {
    file: given.policies === undefined ? file : absolute(given.policies),
    rulesFile: given.rules === undefined ? rulesFile : absolute(given.rules),
    publishAssignment,
  };
}

/**
 * Reads policies, rules and exclusions.
 * @throws ConfigError with all that is wrong
 */
export const readBook = (context: Context, given: PolicyFileOptions = {}): PolicyBook =>
  readPolicyBook(policyFiles(pathsOf(context, given), context.environment), bookDefaults(context.settings()));

/** Where a policy comes from. */
export function originOf(name: string, { settings }: Context): "configuration" | "preset" | "file" {
  if (name === settings().policy.name) return "configuration";
  return presetNames.some((preset) => preset === name) ? "preset" : "file";
}
