import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter } from "./support/credentials.ts";
import { install, type Installation } from "./support/dirigent.ts";
import { backups, snapshots, type SnapshotRow } from "./support/judge.ts";
import { removeWorld, seed, type World } from "./support/world.ts";

const prefix = "rules";
const platform9File = join(import.meta.dirname, "..", "unit", "support", "platform9-rules.json");

void describe("policies, rules and exclusions on a real cloud", () => {
  let cloud: Cloud;
  let world: World;
  let directory: string;
  let dirigent: Installation;
  /** Its project is excluded by a rule. */
  const lab = `${prefix}-p0`;
  const shop = `${prefix}-p1`;

  before(async () => {
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    world = await seed(cloud, { prefix, servers: 2, volumesEach: 2, projects: 2, share: 0 });
    directory = await mkdtemp(join(tmpdir(), "dirigent-rules-"));
    dirigent = await install(directory, {
      reader: await makeReader(cloud, prefix),
      writer: await makeWriter(cloud, prefix),
    });
  });

  after(async () => {
    await removeWorld(cloud, prefix);
    await rm(directory, { recursive: true, force: true });
  });

  const volumesOf = (project: string): readonly string[] =>
    world.servers.filter((server) => server.project === world.projects[project]).flatMap((server) => server.volumes);
  const own = async (): Promise<SnapshotRow[]> => {
    const ids = Object.values(world.projects);
    return (await snapshots(cloud.admin)).filter((row) =>
      ids.includes(row["os-extended-snapshot-attributes:project_id"]),
    );
  };
  const shown = async (): Promise<readonly string[]> =>
    (await own())
      .map((row) => {
        const project = row["os-extended-snapshot-attributes:project_id"] === world.projects[shop] ? shop : "elsewhere";
        return `${row.volume_id} ${row.metadata["dirigent:policy"] ?? ""} ${row.status} ${project}`;
      })
      .sort();
  const once = async (): Promise<void> => {
    const ran = await dirigent.run("conductor", "--once", "--log-level", "warn");
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  };

  it("Platform9's two-rule file: the excluded tenant gets nothing, the other snapshots of its volumes in use, and twice is as once", async () => {
    const rulesFile = join(directory, "rules.json");
    await writeFile(rulesFile, (await readFile(platform9File, "utf8")).replace('"lab"', JSON.stringify(lab)));
    await dirigent.configure({ policies: { rules_file: rulesFile } });
    const { code, value, stderr } = await dirigent.json("rules", "preview");
    assert.deepEqual([code, (value as { changes: unknown }).changes], [0, []], stderr);
    const expected = volumesOf(shop)
      .flatMap((id) => ["daily_5", "monthly_15th", "monthly_1st"].map((policy) => `${id} ${policy} available ${shop}`))
      .sort();
    assert.equal(expected.length, 6);
    for (let i = 0; i < 2; i += 1) {
      await once();
      assert.deepEqual(await shown(), expected);
    }
  });

  it("rules by server and size attach backups beside them, and an exclusion takes a volume out", async () => {
    const [first = "", second = ""] = volumesOf(shop);
    const [inLab = "", otherInLab = ""] = volumesOf(lab);
    const server = world.servers.find(({ volumes }) => volumes.includes(inLab))!;
    const policies = join(directory, "policies.yaml");
    await writeFile(
      policies,
      JSON.stringify({
        policies: { hourly: { schedule: { express: "1h" }, retention: { last: 2 } } },
        rules: [
          {
            name: "one server, small volumes",
            match: { server: { name: server.name }, volume: { size: { max: 1 }, status: "in-use" } },
            policies: "hourly",
          },
        ],
        exclusions: [{ volume: otherInLab, reason: "scratch" }],
      }),
    );
    await dirigent.configure({ policies: { file: policies } });
    const before = await shown();
    await once();
    const made = (await backups(cloud.admin)).filter((row) =>
      [first, second, inLab, otherInLab].includes(row.volume_id),
    );
    assert.deepEqual(
      made.map((row) => [row.volume_id, row["os-backup-project-attr:project_id"], row.status]),
      [[inLab, world.projects[lab], "available"]],
    );
    // The rules that made them are gone: nothing is deleted for that.
    assert.deepEqual(await shown(), before);
    const audit = await dirigent.run("audit", "--json");
    assert.equal(audit.code, 0, audit.stdout + audit.stderr);
  });

  it("a file that is wrong ends a start with status 10, and nothing is made", async () => {
    await writeFile(join(directory, "policies.yaml"), "rules: [{name: all}]\n");
    const before = await shown();
    const ran = await dirigent.run("conductor", "--once");
    assert.equal(ran.code, 10);
    assert.match(ran.stderr, /rules\[0\]\.match is missing/);
    assert.deepEqual(await shown(), before);
  });
});
