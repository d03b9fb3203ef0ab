import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { reportList } from "../../src/cli/commands/report-list.ts";
import { reportShow } from "../../src/cli/commands/report-show.ts";
import { runCommandLine, type Ran } from "../../src/cli/testing.ts";
import type { Command } from "../../src/cli/command.ts";
import { environmentOf } from "../../src/config/testing.ts";
import { nights, run } from "./support/digest-nights.ts";
import { startBench } from "./support/outbox.ts";

async function start(t: TestContext): Promise<{ directory: string; dirigent: (...args: string[]) => Promise<Ran> }> {
  const directory = await mkdtemp(join(tmpdir(), "dirigent-report-"));
  t.after(() => rm(directory, { recursive: true }));
  const url = `sqlite:${join(directory, "dirigent.db")}`;
  const bench = await startBench(t, { smtp: null, database: url });
  await bench.queue(nights.awful, ["owner@example.org"]);
  await bench.queueRun(run({ outcome: "partial" }), ["ops@example.org"]);
  const environment = environmentOf({ variables: { DIRIGENT_DATABASE_URL: url } });
  return {
    directory,
    dirigent: (...args) =>
      runCommandLine(args, { commands: [reportList, reportShow] as readonly Command[], environment }),
  };
}

describe("dirigent report", () => {
  it("list shows projects' reports and the run, with what became of their deliveries", async (t) => {
    const { dirigent } = await start(t);
    const { exitCode, stdout } = await dirigent("report", "list", "--json");
    assert.equal(exitCode, 0);
    const deliveries = { queued: 1, sent: 0, failed: 0 };
    const { id, projectId, projectName, runId } = nights.awful;
    assert.deepEqual(JSON.parse(stdout), [
      {
        id: runId,
        kind: "run",
        runId,
        projectId: null,
        name: "all projects",
        at: "2026-11-21T01:30:00.000Z",
        result: "8 of 9 volumes not backed up",
        deliveries,
      },
      {
        id,
        kind: "project",
        runId,
        projectId,
        name: projectName,
        at: "2026-11-21T01:24:00.000Z",
        result: "8 of 9 volumes not backed up",
        deliveries,
      },
    ]);
    const words = (await dirigent("report", "list")).stdout;
    assert.match(words, /^ID +OF +NAME +AT +RESULT +QUEUED +SENT +FAILED\n/);
    assert.ok(words.includes(String.raw`Söhne\r\nBcc: all@example.org`), words);
    assert.equal((await dirigent("report", "list", "--project", "none")).stdout, "No reports.\n");
    assert.equal((await dirigent("report", "list", "--limit", "0")).exitCode, 2);
  });

  it("show prints a project's digest, or the operators', and saves the HTML", async (t) => {
    const { directory, dirigent } = await start(t);
    const project = await dirigent("report", "show", nights.awful.id);
    assert.equal(project.exitCode, 0);
    assert.match(project.stdout, /NEEDS ATTENTION/);
    assert.doesNotMatch(project.stdout, /\u001b|ctl-2/);
    const operators = await dirigent("report", "show", nights.awful.runId);
    assert.match(operators.stdout, /FAILURES[\s\S]*ctl-2/);
    const file = join(directory, "digest.html");
    const saved = await dirigent("report", "show", nights.awful.id, "--html", file);
    assert.deepEqual([saved.exitCode, saved.stdout, saved.stderr], [0, "", `wrote ${file}\n`]);
    assert.match(await readFile(file, "utf8"), /^<!doctype html>[\s\S]*&lt;script&gt;/);
    const json = JSON.parse((await dirigent("report", "show", nights.awful.id, "--json")).stdout) as object;
    assert.deepEqual(Object.keys(json), ["report", "subject", "html", "text"]);
  });

  it("says what it does not find", async (t) => {
    const { dirigent } = await start(t);
    const { exitCode, stderr } = await dirigent("report", "show", "nothing");
    assert.deepEqual(
      [exitCode, stderr],
      [1, "dirigent: there is no report or run nothing; see: dirigent report list\n"],
    );
  });
});
