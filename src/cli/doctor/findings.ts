import { cloudFindings } from "./cloud-findings.ts";
import { credentialFindings } from "./credential-findings.ts";
import type { Examination } from "./examination.ts";
import { localFindings } from "./local-findings.ts";

export type Level = "ok" | "warning" | "failed";

/** One thing that was looked at. */
export interface Finding {
  /** Stable, e.g. `reader.login`. */
  readonly id: string;
  readonly level: Level;
  /** What was seen, and what it means. */
  readonly message: string;
  /** How to mend it; null when there is nothing to mend. */
  readonly fix: string | null;
}

/** What an examination means, in the order in which one would mend it. */
export const findings = (seen: Examination): readonly Finding[] => [
  ...credentialFindings(seen),
  ...cloudFindings(seen),
  ...localFindings(seen),
];

/** True when a credential was not accepted: nothing else can be expected to work then. */
export const isRefused = ({ readerGrant, writerGrant }: Examination): boolean =>
  [readerGrant, writerGrant].some((grant) => "problem" in grant && grant.problem.kind === "authentication");
