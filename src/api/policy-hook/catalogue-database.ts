import type { Logger } from "../../domain/log.ts";
import type { GuardedPoints } from "../../store/guarded-points.ts";
import type { Catalogue } from "./sources.ts";

/** The catalogue as the conductor's database has it, asked anew for each check. */
export function catalogueDatabase(points: GuardedPoints, log: Logger): Catalogue {
  let trouble: string | null = null;

  async function asked<T>(ask: () => Promise<T>): Promise<T | "unavailable"> {
    try {
      const answer = await ask();
      if (trouble !== null) log.info({}, "the catalogue's database answers again");
      trouble = null;
      return answer;
    } catch (error) {
      if (trouble === null)
        log.warn({ error }, "the catalogue's database does not answer; more is denied until it does");
      trouble = "the catalogue's database does not answer";
      return "unavailable";
    }
  }

  return {
    problem: () => trouble,
    point: (id) =>
      asked(async () => {
        const found = await points.point(id);
        return found === null ? { automated: false, held: false } : { automated: true, held: found.held };
      }),
    volume: (id) =>
      asked(async () => {
        const found = await points.snapshotsOf(id);
        return { automatedSnapshots: found !== null, heldSnapshots: found?.held === true };
      }),
  };
}
