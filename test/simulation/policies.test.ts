import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { openCommandCloud, type CommandCloud } from "./support/command-cloud.ts";

const platform9 = readFileSync(new URL("../unit/support/platform9-rules.json", import.meta.url), "utf8");
const policies = `
policies:
  gold:
    schedule: {weekly: {day: sunday, at: "23:00"}}
    time_zone: Europe/Berlin
    retention: {age: 30d, weekly: 8}
rules:
  - name: databases
    priority: 10
    match: {volume: {name: {prefix: db-}}}
    policies: gold
exclusions:
  - {volume: v-old, reason: moved away, until: 2026-01-31}
`;

void describe("the files of policies and rules, on the command line", () => {
  let cloud: CommandCloud;
  const files: Record<string, string> = {
    "/etc/dirigent/dirigent.yaml": JSON.stringify({
      database: { url: "sqlite::memory:" },
      policies: { file: "/policies.yaml" },
    }),
    "/broken.yaml": "policies: {gold: {retention: {age: 30d}}}\nrules: [{name: x, match: {}, policies: glod}]\n",
    "/rules.json": platform9,
    "/empty.yaml": "",
    "/policies.yaml": policies,
  };
  const projects = new Map<string, string>();
  const volumes = new Map<string, string>();
  before(async () => {
    cloud = await openCommandCloud("2026-03-28T12:00:00Z", files);
    const { seed } = cloud.simulator;
    for (const tenant of ["lab", "shop"]) {
      const { id: projectId } = seed.project({ name: tenant });
      projects.set(tenant, projectId);
      for (const name of [`db-${tenant}`, `web-${tenant}`]) volumes.set(name, seed.volume({ projectId, name }).id);
      const { id: serverId } = seed.server({ projectId, name: `vm-${tenant}`, metadata: { backup: "yes" } });
      const root = `root-${tenant}`;
      volumes.set(root, seed.volume({ projectId, serverId, name: root }).id);
    }
  });
  after(() => cloud.close());

  const lines = (text: string): readonly string[] => text.replaceAll(/ {2,}/g, "  ").split("\n");
  const value = async (...argv: string[]): Promise<unknown> => {
    const { exitCode, stdout, stderr } = await cloud.run(...argv, "--json");
    assert.equal(exitCode, 0, stderr);
    return JSON.parse(stdout) as unknown;
  };

  it("are shown with the next slots, what is kept, the rules in their order, and exclusions that have expired", async () => {
    const { exitCode, stdout } = await cloud.run("policies", "check");
    assert.equal(exitCode, 0);
    assert.deepEqual(lines(stdout), [
      "POLICY  FROM  MAKES  WHEN  ZONE  KEEPS  NEXT SLOTS",
      "default  configuration  backup  every 1d from midnight  UTC  17d  2026-03-29 00:00, 2026-03-30 00:00, 2026-03-31 00:00",
      "daily_5  preset  snapshot  daily at 02:00  UTC  last 5  2026-03-29 02:00, 2026-03-30 02:00, 2026-03-31 02:00",
      "monthly_1st  preset  snapshot  monthly on day 1 at 02:00  UTC  last 1  2026-04-01 02:00, 2026-05-01 02:00, 2026-06-01 02:00",
      "monthly_15th  preset  snapshot  monthly on day 15 at 02:00  UTC  last 1  2026-04-15 02:00, 2026-05-15 02:00, 2026-06-15 02:00",
      "gold  file  backup  weekly on Sunday at 23:00  Europe/Berlin  30d, weekly 8  2026-03-29 23:00, 2026-04-05 23:00, 2026-04-12 23:00",
      "",
      "PRIORITY  RULE  MATCHES  DOES  THEN",
      "  10  databases  volume.name begins with db-  gold  ends",
      "",
      "EXCLUDED  REASON  UNTIL",
      "volume v-old  moved away  2026-02-01T00:00:00.000Z (expired)",
      "",
    ]);
  });

  it("tell of one policy all that it says", async () => {
    const { exitCode, stdout } = await cloud.run("policies", "show", "gold");
    assert.equal(exitCode, 0);
    assert.deepEqual(lines(stdout), [
      "policy  gold",
      "from  file",
      "makes  backup",
      "when  weekly on Sunday at 23:00, Europe/Berlin",
      "work may start  until the next slot",
      "keeps  30d, weekly 8",
      "promises at least  1d",
      "full  every 7th",
      "priority  100",
      "without quota  makes nothing",
      "next slots  2026-03-29 23:00, 2026-04-05 23:00, 2026-04-12 23:00, 2026-04-19 23:00, 2026-04-26 23:00",
      "",
    ]);
    const { nextSlots, ...rest } = (await value("policies", "show", "gold")) as Record<string, unknown>;
    assert.deepEqual(nextSlots, [
      "2026-03-29T21:00:00.000Z",
      "2026-04-05T21:00:00.000Z",
      "2026-04-12T21:00:00.000Z",
      "2026-04-19T21:00:00.000Z",
      "2026-04-26T21:00:00.000Z",
    ]);
    assert.deepEqual([rest["name"], rest["origin"], rest["keeps"]], ["gold", "file", "30d, weekly 8"]);
    const unknown = await cloud.run("policies", "show", "glod");
    assert.deepEqual(
      [unknown.exitCode, unknown.stderr],
      [1, "dirigent: there is no policy glod; did you mean gold?\n"],
    );
  });

  it("are told wrong all at once, with status 10, also by the conductor at its start", async () => {
    const problems = [
      "dirigent: configuration: 2 problems",
      "  /broken.yaml:1:12: policies.gold.schedule is missing; allowed: one of express, every, daily, weekly, monthly, yearly, cron, interval",
      '  /broken.yaml:2:30: rules[0].policies is not a policy there is (value: "glod"); did you mean gold?',
      "",
    ].join("\n");
    assert.deepEqual(await cloud.run("policies", "check", "--policies", "/broken.yaml"), {
      exitCode: 10,
      stdout: "",
      stderr: problems,
    });
    files["/policies.yaml"] = files["/broken.yaml"] ?? "";
    const once = await cloud.run("conductor", "--once");
    files["/policies.yaml"] = policies;
    assert.deepEqual([once.exitCode, once.stderr], [10, problems.replaceAll("/broken.yaml", "/policies.yaml")]);
    files["/policies.yaml"] = files["/broken.yaml"] ?? "";
    const checked = await cloud.run("config", "check");
    files["/policies.yaml"] = policies;
    assert.deepEqual(checked, { ...once, stdout: "" });
    const missing = await cloud.run("policies", "check", "--rules", "/none.yaml");
    assert.deepEqual(
      [missing.exitCode, missing.stderr],
      [10, "dirigent: configuration: /none.yaml: no such file; policies.rules_file names it\n"],
    );
  });

  it("are compared with others over the whole cloud, and nothing is written", async () => {
    const presets = ["daily_5", "monthly_1st", "monthly_15th"];
    const changed = (change: string, name: string, was: readonly string[], is: readonly string[]) => {
      const tenant = name.replace(/^.*-/, "");
      const excluded = change === "excluded" ? "rule Exclude lab / playground tenants" : null;
      return {
        change,
        volumeId: volumes.get(name),
        volumeName: name,
        projectId: projects.get(tenant),
        projectName: tenant,
        before: { excluded: null, policies: was },
        after: { excluded, policies: is },
      };
    };
    cloud.simulator.log.clear();
    assert.deepEqual(await value("rules", "preview", "--rules", "/rules.json"), {
      volumes: 6,
      added: 1,
      changed: 1,
      removed: 0,
      excluded: 1,
      policies: { added: [], changed: [], removed: [] },
      changes: [
        // The tag does not help where a rule excludes, and its policy stays where a rule adds others.
        changed("excluded", "root-lab", ["default"], []),
        changed("changed", "root-shop", ["default"], ["default", ...presets]),
        changed("added", "web-shop", [], presets),
      ],
    });
    const { exitCode, stdout } = await cloud.run(
      ...["rules", "preview", "--policies", "/empty.yaml", "--rules", "/rules.json"],
    );
    assert.equal(exitCode, 0);
    assert.deepEqual(lines(stdout), [
      "Policies removed: gold",
      "5 of 6 volumes change: 1 added, 2 changed, 0 removed, 2 excluded",
      "",
      "CHANGE  PROJECT  VOLUME  BEFORE  AFTER",
      "excluded  lab  db-lab  gold (30d, weekly 8)  excluded (rule Exclude lab / playground tenants)",
      "excluded  lab  root-lab  default (17d)  excluded (rule Exclude lab / playground tenants)",
      "changed  shop  db-shop  gold (30d, weekly 8)  daily_5 (last 5), monthly_1st (last 1), monthly_15th (last 1)",
      "changed  shop  root-shop  default (17d)  default (17d), daily_5 (last 5), monthly_1st (last 1), monthly_15th (last 1)",
      "added  shop  web-shop  nothing  daily_5 (last 5), monthly_1st (last 1), monthly_15th (last 1)",
      "",
    ]);
    const sent = cloud.simulator.log.entries.filter(
      ({ method, route }) => method !== "GET" && route !== "v3/auth/tokens",
    );
    assert.deepEqual(sent, []);
  });
});
