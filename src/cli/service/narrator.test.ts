import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { observed } from "../../conductor/observed.ts";
import type { Logger } from "../../domain/log.ts";
import { startNight } from "../../../test/simulation/support/night.ts";
import { narrateCycle, narrator } from "./narrator.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function bookkeeper(): { log: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: { ...fields } });
  return { lines, log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
}

describe("the log of a night", () => {
  it("has a line for each outcome with names, reason, Cinder's words and the request, one for each project, and a summary", async (t) => {
    const night = await startNight({ simulator: { durations: { backupMs: () => 90_000 } } });
    t.after(() => night.close());
    night.simulator.seedCloud({ projects: 2, servers: 2, volumesPerServer: 2 });
    night.simulator.faults.addBackupRule({
      match: () => true,
      times: 1,
      outcome: { kind: "error", reason: "No space left on device" },
    });
    const { lines, log } = bookkeeper();
    const result = await night.once({ repository: observed(night.repository, [narrator(log)]) });
    narrateCycle(log, result);

    const told = lines.filter(({ level }) => level !== "debug").map(({ level, message }) => `${level} ${message}`);
    assert.deepEqual(told.toSorted(), [
      "error backup failed",
      "info a project's run has ended",
      ...Array.from({ length: 4 }, () => "info backup started"),
      ...Array.from({ length: 3 }, () => "info backup succeeded"),
      "warn a project's run has ended",
      "warn the run has ended: 1 of 4 volumes have no new backup",
    ]);
    const failed = lines.find(({ message }) => message === "backup failed")?.fields ?? {};
    const [job] = (await night.repository.jobs({})).filter(({ state }) => state === "failed");
    assert.deepEqual(failed, {
      server: job?.serverName,
      volumeName: job?.volumeName,
      why: "the backup ended in error",
      message: "No space left on device; create backup:Backup driver failed to create backup.",
      mode: "full",
      reason: "ended_in_error",
      sizeGiB: job?.sizeGiB,
      took: failed["took"],
      project: job?.projectId,
      volume: job?.volumeId,
      backup: job?.backupId,
      request: job?.requestId,
      run: result.run.id,
    });
    assert.match(String(failed["took"]), /^\d+min\d+s$/);
    assert.deepEqual(lines.at(-1)?.fields, {
      outcome: "partial",
      kind: "manual",
      took: lines.at(-1)?.fields["took"],
      succeeded: 3,
      failed: 1,
      running: 0,
      skipped: 0,
      deleted: 0,
      projects: 2,
      run: result.run.id,
      servers: 2,
      volumes: 4,
    });
  });
});
