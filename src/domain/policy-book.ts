import type { Exclusion } from "./exclusions.ts";
import type { Policy } from "./policy.ts";
import type { Rule } from "./rules.ts";

/** The operator's policies, rules and exclusions as one cycle goes by them. */
export interface PolicyBook {
  /** By name: the built-in one, presets, and those of the files. */
  readonly policies: ReadonlyMap<string, Policy>;
  /** Always the same array for the same rules. */
  readonly rules: readonly Rule[];
  readonly exclusions: readonly Exclusion[];
  /** Changes when the files' contents do; `null` where there are none. */
  readonly version: string | null;
}
