import { setImmediate as turn } from "node:timers/promises";
import type { ProjectReport, Run, RunNotice } from "../domain/runs.ts";
import { projectDigest, type ProjectDigest } from "./digest.ts";
import { operatorsDigest, type OperatorsDigest, type Problem } from "./operators.ts";
import type { TemplateName, Templates } from "./templates.ts";

/** A digest, ready to be sent or shown. */
export interface Rendered {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
}

/** Gmail shows no more than 102 kB of a mail's HTML; a little is left for what others add on the way. */
const longestHtmlBytes = 98_000;
const longestTextBytes = 200_000;

/** Rows of each list in the first try: what ordinary names make fit. */
const firstRows = 400;
const fewestRows = 5;

const bytes = (text: string): number => Buffer.byteLength(text);

/** Fills a template in with as many rows as fit, or few enough; the digest tells how many it leaves out. */
async function fit(
  templates: Templates,
  name: TemplateName,
  { cut, longest }: { readonly cut: (rows: number) => object; readonly longest: number },
): Promise<string> {
  for (let rows = firstRows; ;) {
    const filled = await templates.fill(name, cut(rows));
    const length = bytes(filled);
    if (length <= longest || rows <= fewestRows) return filled;
    rows = Math.max(fewestRows, Math.floor(Math.min(rows / 2, (rows * longest * 0.9) / length)));
    // Filling in takes the processor for itself: let others have their turn.
    await turn();
  }
}

type Lists = keyof ProjectDigest["hidden"];

/** Failures go before successes, and those before what was skipped on purpose. */
function cutProject(digest: ProjectDigest, rows: number): ProjectDigest {
  const of: Record<Lists, number> = {
    troubles: rows,
    successes: rows,
    sets: Math.min(rows, 100),
    skips: Math.min(rows, 100),
  };
  const hidden = (list: Lists): number => Math.max(0, digest[list].length - of[list]);
  return {
    ...digest,
    troubles: digest.troubles.slice(0, of.troubles),
    successes: digest.successes.slice(0, of.successes),
    sets: digest.sets.slice(0, of.sets),
    skips: digest.skips.slice(0, of.skips),
    requests: digest.requests.slice(0, rows),
    hidden: {
      troubles: hidden("troubles"),
      successes: hidden("successes"),
      sets: hidden("sets"),
      skips: hidden("skips"),
    },
  };
}

function cutOperators(digest: OperatorsDigest, rows: number): OperatorsDigest {
  const hidden = (list: keyof OperatorsDigest["hidden"]): number => Math.max(0, digest[list].length - rows);
  return {
    ...digest,
    projects: digest.projects.slice(0, rows),
    failures: digest.failures.slice(0, rows),
    notices: digest.notices.slice(0, rows),
    problems: digest.problems.slice(0, rows),
    hidden: {
      projects: hidden("projects"),
      failures: hidden("failures"),
      notices: hidden("notices"),
      problems: hidden("problems"),
    },
  };
}

export interface RenderOptions {
  readonly templates: Templates;
  /** IANA name; the times in the mail are its. */
  readonly timeZone: string;
}

/** Renders one project's digest. */
export async function renderProject(report: ProjectReport, { templates, timeZone }: RenderOptions): Promise<Rendered> {
  const digest = projectDigest(report, { timeZone });
  const cut = (rows: number): ProjectDigest => cutProject(digest, rows);
  return {
    subject: digest.subject,
    html: await fit(templates, "project.mjml", { cut, longest: longestHtmlBytes }),
    text: await fit(templates, "project.txt", { cut, longest: longestTextBytes }),
  };
}

/** Renders the operators' digest of a run. `problems`: of deliveries; those of templates are added. */
export async function renderRun(
  told: {
    run: Run;
    reports: readonly ProjectReport[];
    notices: readonly RunNotice[];
    problems: readonly Problem[];
  },
  { templates, timeZone }: RenderOptions,
): Promise<Rendered> {
  const { notices, problems, reports, run } = told;
  const [sample] = reports;
  // So that a broken template of a tenant's digest is told in the run's own, whichever of the two is rendered first.
  if (sample !== undefined) await renderProject(sample, { templates, timeZone });
  const digestNow = (): OperatorsDigest =>
    operatorsDigest(run, reports, { notices, problems: [...templates.problems, ...problems], timeZone });
  // The operators' own templates first, too, for the same reason.
  for (const name of ["operators.mjml", "operators.txt"] as const)
    await templates.fill(name, cutOperators(digestNow(), 1));
  const digest = digestNow();
  const cut = (rows: number): OperatorsDigest => cutOperators(digest, rows);
  return {
    subject: digest.subject,
    html: await fit(templates, "operators.mjml", { cut, longest: longestHtmlBytes }),
    text: await fit(templates, "operators.txt", { cut, longest: longestTextBytes }),
  };
}
