import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openCommandCloud, type CommandCloud } from "./support/command-cloud.ts";

const dayMs = 24 * 60 * 60 * 1000;
const policies = `
policies:
  gold:
    mechanism: both
    schedule: {daily: "02:00"}
    time_zone: Europe/Berlin
    retention: {last: 2, weekly: 4}
    minimum_retention: 1d
rules:
  - {name: no labs, priority: 5, match: {project: {name: lab}}, exclude: true}
  - {name: databases, priority: 10, match: {volume: {name: {prefix: db-}}}, policies: gold}
  - {name: slow ones, priority: 20, match: {volume: {type: slow}}, policies: monthly_1st}
`;

void describe("dirigent explain", () => {
  const directory = mkdtempSync(join(tmpdir(), "dirigent-explain-"));
  const files: Record<string, string> = {
    "/etc/dirigent/dirigent.yaml": JSON.stringify({
      database: { url: `sqlite:${join(directory, "state.db")}` },
      policies: { file: "/policies.yaml" },
    }),
    "/policies.yaml": policies,
  };
  let cloud: CommandCloud;
  const ids = { server: "", db: "", logs: "", lab: "", twin: "" };
  before(async () => {
    cloud = await openCommandCloud("2026-03-23T03:00:00Z", files);
    const { seed } = cloud.simulator;
    const shop = seed.project({ name: "shop" }).id;
    const lab = seed.project({ name: "lab" }).id;
    ids.server = seed.server({ projectId: shop, name: "web-1", metadata: { backup: "yes" } }).id;
    ids.db = seed.volume({ projectId: shop, name: "db-1", serverId: ids.server }).id;
    ids.logs = seed.volume({ projectId: shop, name: "logs", serverId: ids.server }).id;
    ids.lab = seed.volume({ projectId: lab, name: "db-lab", metadata: { backup_policy: "gold" } }).id;
    ids.twin = seed.volume({ projectId: lab, name: "logs" }).id;
    for (let night = 0; night < 4; night += 1) {
      if (night > 0) cloud.clock.advance(dayMs);
      const { exitCode, stderr } = await cloud.run("conductor", "--once");
      assert.equal(exitCode, 0, stderr);
    }
    cloud.simulator.log.clear();
  });
  after(async () => {
    await cloud.close();
    rmSync(directory, { recursive: true });
  });

  const words = async (...argv: string[]): Promise<readonly string[]> => {
    const { exitCode, stdout, stderr } = await cloud.run("explain", ...argv);
    assert.equal(exitCode, 0, stderr);
    const named = new Map(Object.entries(ids).map(([name, id]) => [id, `<${name}>`]));
    return (
      stdout
        .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => named.get(id) ?? "<point>")
        // When in the night something is made is the conductor's affair.
        .replaceAll(/^ {4}(20\S+) \d\d:\d\d/gm, "    $1 …")
        .replaceAll(/(since|until|ended) (20\S+) \d\d:\d\d$/gm, "$1 $2 …")
        .split("\n")
    );
  };
  interface Value {
    readonly excluded: { readonly by: string; readonly until: string | null } | null;
    readonly policies: readonly {
      readonly policy: string;
      readonly source: Readonly<Record<string, string>>;
      readonly current: readonly Readonly<Record<string, unknown>>[];
    }[];
    readonly notices: readonly { readonly reason: string; readonly message: string | null }[];
    readonly points: readonly Readonly<Record<string, unknown>>[];
    readonly others: readonly Readonly<Record<string, unknown>>[];
  }
  const value = async (text: string): Promise<Value> => {
    const { exitCode, stdout, stderr } = await cloud.run("explain", text, "--json");
    assert.equal(exitCode, 0, stderr);
    const [volume] = (JSON.parse(stdout) as { readonly volumes: readonly Value[] }).volumes;
    assert.ok(volume !== undefined);
    return volume;
  };

  void it("says of a server's volumes what protects them, when, and why each restore point stays", async () => {
    const said = await words("web-1");
    assert.deepEqual(said, [
      "VOLUME <db> db-1",
      "  of shop, 1 GiB, in-use, attached to web-1 (<server>)",
      "",
      "  Protected by",
      "    default  the tag of server web-1",
      "    gold     the rule databases",
      "",
      "  Rules",
      "       5  no labs  does not match (project.name is lab)",
      "      10  databases  matches: gold (volume.name begins with db-)",
      "      20  slow ones  not looked at, one before it ended (volume.type is slow)",
      "",
      "  default  every 1d from midnight, UTC; keeps 17d",
      "    backup    slot 2026-03-26 00:00 done: <point>",
      "              compliant since 2026-03-26 …",
      "    next      2026-03-27 00:00, 2026-03-28 00:00, 2026-03-29 00:00",
      "",
      "  gold  daily at 02:00, Europe/Berlin; keeps last 2, weekly 4",
      "    backup    slot 2026-03-26 02:00 done: <point>",
      "              compliant since 2026-03-26 …",
      "    snapshot  slot 2026-03-26 02:00 done: <point>",
      "              compliant since 2026-03-26 …",
      "    next      2026-03-27 02:00, 2026-03-28 02:00, 2026-03-29 03:00",
      "",
      "  Restore points: 10, times in UTC",
      "    2026-03-23 …  default  full         available  <point>",
      "      kept: younger than its retention, until 2026-04-09 …",
      "    2026-03-23 …  gold     incremental  available  <point>",
      "      kept: another member of its chain is wanted; its own time ended 2026-03-25 …",
      "    2026-03-24 …  default  incremental  available  <point>",
      "      kept: younger than its retention, until 2026-04-10 …",
      "    2026-03-24 …  gold     incremental  available  <point>",
      "      kept: another member of its chain is wanted; its own time ended 2026-03-26 …",
      "    2026-03-25 …  gold     snapshot     available  <point>",
      "      kept: one of the last that its policy keeps, until newer ones take its place",
      "    2026-03-25 …  default  incremental  available  <point>",
      "      kept: younger than its retention, until 2026-04-11 …",
      "    2026-03-25 …  gold     incremental  available  <point>",
      "      kept: one of the last that its policy keeps, until newer ones take its place",
      "    2026-03-26 …  gold     snapshot     available  <point>",
      "      kept: one of the last that its policy keeps; the newest of its week; among the newest that",
      "            always stay; younger than its retention, until newer ones take its place",
      "    2026-03-26 …  default  incremental  available  <point>",
      "      kept: younger than its retention, until 2026-04-12 …",
      "    2026-03-26 …  gold     full         available  <point>",
      "      kept: one of the last that its policy keeps; the newest of its week; among the newest that",
      "            always stay; younger than its retention, until newer ones take its place",
      "",
      "VOLUME <logs> logs",
      "  of shop, 1 GiB, in-use, attached to web-1 (<server>)",
      "",
      "  Protected by",
      "    default  the tag of server web-1",
      "",
      "  Rules",
      "       5  no labs  does not match (project.name is lab)",
      "      10  databases  does not match (volume.name begins with db-)",
      "      20  slow ones  does not match (volume.type is slow)",
      "",
      "  default  every 1d from midnight, UTC; keeps 17d",
      "    backup    slot 2026-03-26 00:00 done: <point>",
      "              compliant since 2026-03-26 …",
      "    next      2026-03-27 00:00, 2026-03-28 00:00, 2026-03-29 00:00",
      "",
      "  Restore points: 4, times in UTC",
      "    2026-03-23 …  default  full         available  <point>",
      "      kept: younger than its retention, until 2026-04-09 …",
      "    2026-03-24 …  default  incremental  available  <point>",
      "      kept: younger than its retention, until 2026-04-10 …",
      "    2026-03-25 …  default  incremental  available  <point>",
      "      kept: younger than its retention, until 2026-04-11 …",
      "    2026-03-26 …  default  full         available  <point>",
      "      kept: younger than its retention, until 2026-04-12 …",
      "",
    ]);
    assert.ok(said.every((line) => line.length <= 100));
  });

  void it("says what leaves a volume out, and until when", async () => {
    const { excluded, policies: none, points } = await value("db-lab");
    assert.deepEqual([excluded, none, points], [{ by: "rule no labs", until: null }, [], []]);
    files["/policies.yaml"] = `${policies}exclusions: [{volume: ${ids.db}, reason: moves away, until: 2026-04-30}]\n`;
    const said = await words("db-1");
    const json = await value("db-1");
    files["/policies.yaml"] = policies;
    assert.deepEqual(said.slice(3, 5), [
      "  Left out by volume <db>: moves away, until",
      "              2026-05-01T00:00:00.000Z",
    ]);
    assert.deepEqual(json.excluded?.until, "2026-05-01T00:00:00.000Z");
    // What exists is kept all the same, as long as its policy says.
    assert.equal(json.points.length, 10);
  });

  void it("plan names what operators leave out beside all else that is not made", async () => {
    const { exitCode, stderr, stdout } = await cloud.run("plan", "--json");
    assert.equal(exitCode, 0, stderr);
    const { skip } = JSON.parse(stdout) as {
      readonly skip: readonly { readonly reason: string; readonly volumeId: string; readonly message: string }[];
    };
    assert.deepEqual(
      skip.filter(({ reason }) => reason === "excluded").map(({ volumeId, message }) => [volumeId, message]),
      [[ids.lab, "rule no labs"]],
    );
  });

  void it("says what owners ask for, where it comes from, and when less counts", async () => {
    const { volumes } = cloud.simulator.state;
    const logs = volumes.get(ids.logs);
    assert.ok(logs !== undefined);
    logs.metadata = {
      backup_policy: "gold, golden",
      backup_retention: "2d",
      "x-snapsentry-managed": "true",
      "x-snapsentry-daily-enabled": "true",
    };
    const { notices, policies: of } = await value(ids.logs);
    logs.metadata = {};
    assert.deepEqual(
      of.map(({ policy, source, current }) => [policy, source["kind"], source["key"], current.map((c) => c["state"])]),
      [
        ["default", "tag", undefined, ["done"]],
        ["gold", "request", "backup_policy", ["due", "due"]],
        ["snapsentry-daily", "request", "x-snapsentry", ["due"]],
      ],
    );
    assert.deepEqual(
      notices.map(({ reason, message }) => `${reason} ${(message ?? "").replace(/from 20.*/, "from …")}`),
      ["request_invalid backup_policy: there is no policy golden", "request_waits backup_retention: 2d, counts from …"],
    );
  });

  void it("says how it stands with a slot: missed, in the way, failed", async () => {
    const { volumes } = cloud.simulator.state;
    const logs = volumes.get(ids.logs);
    assert.ok(logs !== undefined);
    cloud.clock.advance(dayMs);
    logs.status = "error";
    const stateOf = async (): Promise<unknown> => {
      const [first] = (await value(ids.logs)).policies.flatMap(({ current }) => current);
      const { state } = first?.["compliance"] as { readonly state: string };
      return [first?.["state"], first?.["reason"], first?.["message"], state];
    };
    assert.deepEqual(await stateOf(), ["skipped", "volume_state", "status error", "compliant"]);
    logs.status = "in-use";
    assert.deepEqual(await stateOf(), ["due", null, null, "compliant"]);
    // What its owner does not want is not lacking.
    cloud.clock.advance(dayMs);
    logs.metadata = { "skip-volume-backup": "yes" };
    assert.deepEqual(await stateOf(), ["skipped", "skip_requested", null, "excused"]);
    logs.metadata = {};
    assert.deepEqual(await stateOf(), ["due", null, null, "overdue"]);
    cloud.clock.advance(-dayMs);
  });

  void it("tells held restore points, and those that are not ours", async () => {
    const [first] = (await value(ids.logs)).points;
    const { exitCode, stderr } = await cloud.run("hold", String(first?.["id"]), "--reason", "audit");
    assert.equal(exitCode, 0, stderr);
    const after = await value(ids.logs);
    assert.deepEqual(
      [after.points[0]?.["held"], after.points[0]?.["because"], after.points[0]?.["keptUntil"]],
      [true, ["keep_held"], null],
    );
  });

  void it("says why a slot failed, and what becomes of the failed restore point", async () => {
    cloud.clock.advance(dayMs);
    cloud.simulator.faults.addBackupRule({
      match: () => true,
      times: 9,
      outcome: { kind: "error", reason: "no space" },
    });
    const { exitCode } = await cloud.run("conductor", "--once");
    assert.equal(exitCode, 3);
    const {
      points,
      policies: [first],
    } = await value(ids.logs);
    const [current] = first?.current ?? [];
    assert.deepEqual(
      [current?.["state"], current?.["reason"], current?.["message"]],
      ["failed", "ended_in_error", "no space; create backup:Backup driver failed to create backup."],
    );
    const failed = points.at(-1);
    assert.deepEqual(
      [failed?.["status"], failed?.["good"], failed?.["action"], failed?.["because"]],
      ["error", false, "keep", ["keep_failed"]],
    );
    const said = (await words(ids.logs)).join("\n");
    assert.match(said, /\n {14}overdue since 2026-03-28 00:00: nothing of the slot 2026-03-27 00:00\n/);
    assert.match(said, /slot 2026-03-28 00:00 failed: the backup ended in error: no space;/);
    assert.match(said, /kept: failed, and no good one has followed.*\(not a good one\)\n/);
  });

  void it("writes nothing", async () => {
    cloud.simulator.log.clear();
    await words("web-1");
    const sent = cloud.simulator.log.entries.filter(
      ({ method, route }) => method !== "GET" && route !== "v3/auth/tokens",
    );
    assert.deepEqual(sent, []);
  });

  void it("refuses names that nobody has, or several", async () => {
    const unknown = await cloud.run("explain", "nobody");
    assert.deepEqual(unknown, {
      exitCode: 2,
      stdout: "",
      stderr: 'dirigent: no server and no volume has the id or name "nobody"; names are compared exactly\n',
    });
    const twins = await cloud.run("explain", "logs");
    assert.equal(twins.exitCode, 2);
    assert.match(twins.stderr, /"logs" is the name of 2: .*; name one by its id/);
  });
});
