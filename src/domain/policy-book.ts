import type { Exclusion } from "./exclusions.ts";
import type { Policy } from "./policy.ts";
import type { Rule } from "./rules.ts";

/** What the operator's files say, read and checked as a whole. */
export interface PolicyBook {
  /** By name: the built-in one, the presets, and those of the file. */
  readonly policies: ReadonlyMap<string, Policy>;
  /** In the order of the files. */
  readonly rules: readonly Rule[];
  readonly exclusions: readonly Exclusion[];
  /** Changes whenever the files' contents do. */
  readonly version: string;
}
