import { escapeText } from "../../domain/escape.ts";
import { exit, type ExitCode } from "../exit-codes.ts";
import type { Output } from "../output.ts";
import type { Finding } from "./findings.ts";

const describe = ({ level, id, message, fix }: Finding): string =>
  [
    `${level.padEnd(7)}  ${id}: ${escapeText(message)}`,
    ...(fix === null ? [] : [`         to mend: ${escapeText(fix)}`]),
  ].join("\n");

const summary = (failed: number, warnings: number): string =>
  failed === 0 && warnings === 0 ? "All is well." : `${failed} failed, ${warnings} to think about.`;

const count = (found: readonly Finding[], wanted: Finding["level"]): number =>
  found.filter(({ level }) => level === wanted).length;

/** Prints what a doctor found. */
export function describeFindings(found: readonly Finding[], output: Output): void {
  const [failed, warnings] = [count(found, "failed"), count(found, "warning")];
  output.data({ findings: found, failed, warnings }, () =>
    [...found.map(describe), "", summary(failed, warnings)].join("\n"),
  );
}

export const exitOfFindings = (found: readonly Finding[]): ExitCode =>
  count(found, "failed") === 0 ? exit.ok : exit.failed;
