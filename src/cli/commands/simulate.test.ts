import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { environmentOf } from "../../config/testing.ts";
import { exit } from "../exit-codes.ts";
import { systemClock } from "../system-clock.ts";
import { runCommandLine, type Ran } from "../testing.ts";
import { simulateCommand } from "./simulate.ts";

const directory = mkdtempSync(join(tmpdir(), "dirigent-simulate-"));
after(() => rmSync(directory, { recursive: true }));

const files = {
  "/c.yaml": "conductor: { time_zone: Europe/Berlin }\npolicies: { file: /p.yaml }\n",
  "/p.yaml": `policies:
  gold: { schedule: { daily: "02:30" }, retention: { daily: 2, monthly: 2 }, full_every: 1 }
`,
};

const run = (...argv: string[]): Promise<Ran> =>
  runCommandLine(["simulate", "--config", "/c.yaml", ...argv], {
    commands: [simulateCommand],
    environment: environmentOf({ files }),
    world: { clock: { ...systemClock, now: () => new Date("2026-01-14T23:30:00Z") } },
  });

describe("dirigent simulate", () => {
  it("prints what is stored by month, and what exists on a day and why", async () => {
    const { exitCode, stdout, stderr } = await run(
      "--policy",
      "gold",
      "--days",
      "60",
      "--on",
      "2026-03-10",
      "--change-rate",
      "10%",
    );
    assert.equal(stderr, "");
    assert.equal(exitCode, exit.ok);
    assert.equal(
      stdout,
      `Policy gold: backup, daily at 02:30 (Europe/Berlin), keeps daily 2, monthly 2
2026-01-15 to 2026-03-15, a volume of 100 GiB of which 10% change in a day

MONTH    MADE  REMOVED  POINTS    GiB  MOST GiB
2026-01    17       15       2  200.0     200.0
2026-02    28       27       3  300.0     300.0
2026-03    15       15       3  300.0     300.0

60 made, 57 removed, 3 left.

At the end of 2026-03-10 there are 3:

MADE              KIND  KEPT BECAUSE
2026-02-28 02:30  full  the newest of its month
2026-03-09 02:30  full  the newest of its day
2026-03-10 02:30  full  the newest of its day; the newest of its month; among the newest that always stay; younger than its retention
`,
    );
  });

  it("prints the same as data", async () => {
    const { stdout } = await run("--policy", "gold", "--days", "3", "--on", "2026-01-15", "--json");
    const value = JSON.parse(stdout) as Record<string, unknown>;
    const first = {
      id: "backup-000001",
      mechanism: "backup",
      mode: "full",
      isArchive: false,
      slot: "2026-01-15T01:30:00Z",
      createdAt: "2026-01-15T01:30:00.000Z",
      removedAt: "2026-01-17T01:31:00.000Z",
    };
    assert.deepEqual(
      { ...value, points: [(value["points"] as unknown[])[0]], on: value["on"] },
      {
        policy: "gold",
        schedule: "daily at 02:30",
        timeZone: "Europe/Berlin",
        keeps: "daily 2, monthly 2",
        from: "2026-01-14T23:00:00.000Z",
        until: "2026-01-17T23:00:00.000Z",
        sizeGiB: 100,
        changeRate: 5,
        months: [{ month: "2026-01", made: 3, removed: 1, points: 2, storedGiB: 200, mostGiB: 200 }],
        points: [first],
        on: {
          at: "2026-01-15T22:59:59.999Z",
          points: [
            {
              ...first,
              because: ["keep_daily", "keep_monthly", "keep_minimum", "keep_age"],
              reasons: [
                "the newest of its day",
                "the newest of its month",
                "among the newest that always stay",
                "younger than its retention",
              ],
            },
          ],
        },
      },
    );
  });

  it("writes a page with everything in it, that runs no script and loads nothing", async () => {
    const html = join(directory, "gold.html");
    const { exitCode, stderr } = await run("--policy", "gold", "--months", "6", "--html", html);
    assert.equal(exitCode, exit.ok);
    assert.equal(stderr, `wrote ${html}\n`);
    const page = readFileSync(html, "utf8");
    assert.equal(page.match(/<svg /g)?.length, 3);
    // For those who do not see the pictures: what each shows, and the figures as tables.
    assert.equal(page.match(/<title id=/g)?.length, 3);
    assert.equal(page.match(/<desc id=/g)?.length, 3);
    assert.equal(page.match(/<caption>/g)?.length, 2);
    assert.match(page, /prefers-color-scheme: dark/);
    assert.doesNotMatch(
      page.replaceAll('xmlns="http://www.w3.org/2000/svg"', ""),
      /<script|https?:|url\(|@import|NaN|undefined/,
    );
  });

  it("the built-in policy and two years are what is played when nothing is said", async () => {
    const { stdout } = await run("--json");
    const value = JSON.parse(stdout) as { policy: string; until: string; points: unknown[] };
    assert.equal(value.policy, "default");
    assert.equal(value.until, "2028-01-14T23:00:00.000Z");
    assert.equal(value.points.length, 730);
  });

  const wrong: [argv: string[], message: string][] = [
    [["--years", "0"], "--years 0: allowed: a whole number from 1 to 10"],
    [["--months", "1.5"], "--months 1.5: allowed: a whole number from 1 to 120"],
    [["--years", "2", "--days", "3"], "--years and --days do not go together; allowed: one of them"],
    [["--from", "2026-02-30"], "--from 2026-02-30: allowed: a date such as 2026-11-21, from 1970 to 2099"],
    [["--days", "3", "--on", "2026-01-18"], "--on 2026-01-18 is not simulated; allowed: 2026-01-15 to 2026-01-17"],
    [["--size", "0"], "--size 0: allowed: a number from 1 to 1000000 (GiB)"],
    [["--change-rate", "101%"], "--change-rate 101: allowed: a number from 0 to 100 (%)"],
    [["--policy", "golf"], "--policy golf is not there; allowed: default, daily_5, monthly_1st, monthly_15th, gold"],
  ];
  for (const [argv, message] of wrong) {
    it(message, async () => {
      assert.deepEqual(await run(...argv), { exitCode: exit.usage, stdout: "", stderr: `dirigent: ${message}\n` });
    });
  }
});
