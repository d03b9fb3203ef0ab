import { writeCatalogueFile } from "../conductor/catalogue-file.ts";
import { observed } from "../conductor/observed.ts";
import { runOnce, type Only } from "../conductor/once.ts";
import { catalogueFileDeps } from "./catalogue-file.ts";
import type { Context } from "./command.ts";
import { cycleValue, describeCycle } from "./describe-cycle.ts";
import { exitOfOutcome, type ExitCode } from "./exit-codes.ts";
import { openConductor } from "./open-conductor.ts";
import { whileSending } from "./reporting.ts";
import { narrateCycle, narrator } from "./service/narrator.ts";

/** Runs one cycle, or half of one, prints what came of it, and says how it ended. */
export async function runOneCycle(
  context: Context,
  { only, purpose }: { only: Only | null; purpose: "work" | "alone" },
): Promise<ExitCode> {
  const opened = await openConductor(context, purpose);
  try {
    const { conductor, exclusive } = opened;
    const log = context.log();
    const repository = observed(conductor.repository, [narrator(log)]);
    const result = await whileSending(context, { ...conductor, repository }, (reporting) =>
      runOnce(reporting, exclusive, context.signals, only),
    );
    narrateCycle(log, result);
    const file = catalogueFileDeps(context, opened);
    if (file !== null) await writeCatalogueFile(file);
    context.output.progress(null);
    context.output.data(cycleValue(result), () => describeCycle(result));
    return exitOfOutcome[result.outcome];
  } finally {
    await opened.close();
  }
}
