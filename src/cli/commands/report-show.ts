import { writeFile } from "node:fs/promises";
import { Option } from "commander";
import type { Rendered } from "../../report/render.ts";
import type { Repository } from "../../store/repository.ts";
import type { Command, Context } from "../command.ts";
import { CommandError, exit } from "../exit-codes.ts";
import { findSubject, idArgument, withRepository, type Subject } from "../report-subject.ts";
import { renderOptionsOf } from "../reporting.ts";

interface ShowOptions {
  readonly html?: string;
  readonly text?: true;
}

export const reportShow: Command<ShowOptions> = {
  path: "report show",
  summary: "show a report as its mail has it, or save the mail's HTML",
  description:
    "Prints the plain text of a digest: of a project for a report's id, the operators' for a run's id. Changes nothing.",
  arguments: [idArgument],
  options: [
    new Option("--html <file>", "write the digest's HTML to this file"),
    new Option("--text", "print the plain text also where --html is given"),
  ],
  printsData: true,
  async run({ arguments: [id = ""], options: { html, text } }, context) {
    const { found, rendered } = await withRepository(context, async (repository) => {
      const subject = await findSubject(repository, id);
      return { found: subject, rendered: await renderAgain(context, repository, subject) };
    });
    if (html !== undefined) {
      await writeFile(html, rendered.html);
      context.output.note(`wrote ${html}`);
    }
    const value = { ...("report" in found ? { report: found.report } : { run: found.run }), ...rendered };
    if (html === undefined || text === true || context.output.json) {
      context.output.data(value, () => `${rendered.subject}\n\n${rendered.text}`);
    }
    return exit.ok;
  },
};

async function renderAgain(context: Context, repository: Repository, subject: Subject): Promise<Rendered> {
  const ids =
    "report" in subject
      ? { reportId: subject.report.id, runId: subject.report.runId }
      : { reportId: null, runId: subject.run.id };
  const { renderDelivery } = await import("../../conductor/outbox.ts");
  const render = renderOptionsOf(context.settings(), context.log());
  const rendered = await renderDelivery(repository, {
    subject: ids,
    now: context.clock.now(),
    render,
    standing: () => Promise.resolve([]),
  });
  if (rendered === null) throw new CommandError(exit.failed, "it has just been removed");
  return rendered;
}
