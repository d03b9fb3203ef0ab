import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Conductor } from "../../conductor/context.ts";
import { renderProject, renderRun } from "../../report/render.ts";
import { Templates } from "../../report/templates.ts";

/**
 * Saves what the last night's mails would have been: the operators' digest and one for each project.
 * @returns their paths, none when no night has ended
 */
export async function saveDigests({ repository, settings }: Conductor, directory: string): Promise<string[]> {
  const [newest] = await repository.reports({ limit: 1 });
  const [run] = newest === undefined ? [] : await repository.runs({ id: newest.runId, limit: 1 });
  if (run === undefined) return [];
  const reports = await repository.reports({ runId: run.id, limit: 1000 });
  const options = { templates: new Templates({}, () => undefined), timeZone: settings.timeZone };
  const save = async (name: string, html: string): Promise<string> => {
    const path = join(directory, `digest-${name}.html`);
    await writeFile(path, html);
    return path;
  };
  const paths = [await save("operators", (await renderRun({ run, reports, notices: [], problems: [] }, options)).html)];
  for (const report of reports) {
    paths.push(await save(report.projectName, (await renderProject(report, options)).html));
  }
  return paths;
}
