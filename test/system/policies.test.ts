import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { stringify } from "yaml";
import { directIo } from "../../src/domain/io.ts";
import { openStore } from "../../src/store/open.ts";
import type { Repository } from "../../src/store/repository.ts";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter, type Credential } from "./support/credentials.ts";
import { install, type Installation } from "./support/dirigent.ts";
import { backups, snapshots, volumes } from "./support/judge.ts";
import { removeWorld, seed, type SeededServer, type World } from "./support/world.ts";

const prefix = "policies";
interface CycleJson {
  readonly outcome: string;
  readonly projects: readonly {
    readonly projectId: string;
    readonly lines: readonly { volumeId: string; outcome: string; reason: string }[];
  }[];
}

/** A restore point, as Cinder shows it. */
interface Made {
  readonly id: string;
  readonly mechanism: "backup" | "snapshot";
  readonly volumeId: string;
  readonly projectId: string;
  readonly status: string;
  readonly createdAt: string;
  readonly metadata: Readonly<Record<string, string>>;
}

const policyOf = ({ metadata }: Made): string => metadata["dirigent:policy"] ?? "";

describe("policies on a real cloud", () => {
  let cloud: Cloud;
  let world: World;
  let writer: Credential;
  let dirigent: Installation;
  let directory: string;
  /** By the names of their projects, the last one renamed to one that Platform9's example of rules leaves out. */
  let gold: readonly SeededServer[];
  let plain: readonly SeededServer[];
  let lab: readonly SeededServer[];
  let labProject: string;

  before(async () => {
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    world = await seed(cloud, { prefix, servers: 6, volumesEach: 2, projects: 3, share: 0 });
    const of = (n: number): readonly SeededServer[] =>
      world.servers.filter(({ project }) => project === world.projects[`${prefix}-p${n}`]);
    [gold, plain, lab] = [of(0), of(1), of(2)];
    labProject = world.projects[`${prefix}-p2`]!;
    writer = await makeWriter(cloud, prefix);
    const reader = await makeReader(cloud, prefix);
    directory = await mkdtemp(join(tmpdir(), "dirigent-policies-"));
    dirigent = await install(directory, { reader, writer });
    await write({});
    await dirigent.configure({ policies: { file: policiesFile() } });
  });

  after(async () => {
    // Its world is known by the names of its projects.
    await rename(labProject, `${prefix}-p2`);
    await removeWorld(cloud, prefix);
    await rm(directory, { recursive: true, force: true });
  });

  const rename = (id: string, name: string): Promise<unknown> =>
    cloud.admin.call("PATCH", "identity", `/projects/${id}`, { project: { name } });

  const policiesFile = (): string => join(directory, "policies.yaml");
  const write = (book: Readonly<Record<string, unknown>>): Promise<void> => writeFile(policiesFile(), stringify(book));

  const isOurs = ({ metadata, user_id }: { metadata: Readonly<Record<string, string>>; user_id?: string }): boolean =>
    metadata["__automated_backup"] === "True" && (user_id === undefined || user_id === writer.userId);
  const points = async (...servers: readonly SeededServer[]): Promise<Made[]> => {
    const wanted = new Set(servers.flatMap((server) => server.volumes));
    const ofBackups = (await backups(cloud.admin)).filter(isOurs).map((row): Made => ({
      id: row.id,
      mechanism: "backup",
      volumeId: row.volume_id,
      projectId: row["os-backup-project-attr:project_id"],
      status: row.status,
      createdAt: row.created_at,
      metadata: row.metadata,
    }));
    const ofSnapshots = (await snapshots(cloud.admin)).filter(isOurs).map((row): Made => ({
      id: row.id,
      mechanism: "snapshot",
      volumeId: row.volume_id,
      projectId: row["os-extended-snapshot-attributes:project_id"],
      status: row.status,
      createdAt: row.created_at,
      metadata: row.metadata,
    }));
    return [...ofBackups, ...ofSnapshots].filter(({ volumeId }) => wanted.has(volumeId));
  };

  const cycle = async (): Promise<CycleJson> => {
    const { value, stderr } = await dirigent.json("conductor", "--once");
    assert.notEqual(value, undefined, stderr);
    return value as CycleJson;
  };

  /** Cycles until one makes and removes nothing: a volume has one thing at a time made of it. */
  const settle = async (): Promise<void> => {
    for (let n = 0, known = ""; n < 6; n++) {
      const { outcome, projects } = await cycle();
      assert.equal(outcome, "ok", JSON.stringify(projects));
      const ids = (await points(...world.servers)).map(({ id }) => id);
      const seen = ids.sort().join();
      if (seen === known) return;
      known = seen;
    }
    assert.fail("six cycles, and there is always more to do");
  };

  const audit = async (): Promise<void> => {
    const file = join(directory, "audit.json");
    const earlier = existsSync(file) ? ["--before", file] : [];
    const { code, value } = await dirigent.json("audit", ...earlier, "--save", file, "--around-run");
    const { findings } = value as { findings: readonly { severity: string }[] };
    assert.deepEqual([code, findings.filter(({ severity }) => severity !== "information")], [0, []]);
  };

  const withStore = async <T>(work: (store: Repository) => Promise<T>): Promise<T> => {
    const store = await openStore(`sqlite:${dirigent.database}`, { io: directIo });
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  };

  const goldPolicy = {
    mechanism: "both",
    schedule: { every: "1d" },
    retention: { age: "30d", last: 3 },
    full_every: 1,
  };
  const goldRule = { name: "gold", match: { project: { name: `${prefix}-p0` } }, policies: ["gold"] };

  it("both mechanisms: a backup and a snapshot of each volume in use, the snapshots of a server as one set", async () => {
    await write({ policies: { gold: goldPolicy }, rules: [goldRule] });
    await settle();
    const made = await points(...world.servers);
    const expected = gold.flatMap(({ id, project, volumes: ids }) =>
      ids.flatMap((volumeId) =>
        (["backup", "snapshot"] as const).map((mechanism) => ({ mechanism, volumeId, projectId: project, server: id })),
      ),
    );
    const key = (each: { mechanism: string; volumeId: string }): string => `${each.volumeId} ${each.mechanism}`;
    assert.deepEqual(
      made
        .map(({ mechanism, volumeId, projectId, metadata }) => ({
          mechanism,
          volumeId,
          projectId,
          server: metadata["dirigent:server"],
        }))
        .sort((a, b) => key(a).localeCompare(key(b))),
      expected.sort((a, b) => key(a).localeCompare(key(b))),
    );
    const slots = new Set(made.map(({ metadata }) => metadata["dirigent:slot"]));
    assert.equal(slots.size, 1);
    for (const { mechanism, metadata, status, volumeId } of made) {
      const ending = mechanism === "snapshot" ? "/snapshot" : "";
      assert.deepEqual(
        { status, key: metadata["dirigent:key"], retention: metadata["dirigent:retention"] },
        {
          status: "available",
          key: `${volumeId}/gold/${[...slots][0]}${ending}`,
          retention: "last=3,min=1,tz=UTC",
        },
      );
    }
    const inUse = new Map((await volumes(cloud.admin)).map((row) => [row.id, row.status]));
    assert.deepEqual(new Set(made.map(({ volumeId }) => inUse.get(volumeId))), new Set(["in-use"]));

    const sets = await withStore((store) => store.operations({ kinds: ["set"] }));
    assert.deepEqual(
      sets.map(({ reason, serverId }) => ({ reason, serverId })).sort((a, b) => a.serverId!.localeCompare(b.serverId!)),
      gold
        .map(({ id }) => ({ reason: "set_complete", serverId: id }))
        .sort((a, b) => a.serverId.localeCompare(b.serverId)),
    );
    for (const { message } of sets) assert.match(message ?? "", /^crash-set, 2 of 2 volumes, skew \d+ ms$/);
    await audit();
  });

  it("Platform9's file of two rules, as its document has it: the excluded project gets nothing, all others three policies", async () => {
    const rulesFile = join(directory, "snapshot_policy_rules.json");
    await copyFile(join(import.meta.dirname, "..", "unit", "support", "platform9-rules.json"), rulesFile);
    await rename(labProject, "lab");
    await dirigent.configure({ policies: { file: policiesFile(), rules_file: rulesFile } });
    await settle();
    const named = ["daily_5", "monthly_15th", "monthly_1st"];
    for (const server of plain) {
      for (const volume of server.volumes) {
        const made = (await points(server)).filter(({ volumeId }) => volumeId === volume);
        assert.deepEqual(made.map(policyOf).sort(), named);
        assert.deepEqual(new Set(made.map(({ mechanism }) => mechanism)), new Set(["snapshot"]));
        assert.deepEqual(new Set(made.map(({ projectId }) => projectId)), new Set([server.project]));
      }
    }
    const ofGold = (await points(...gold)).map(policyOf);
    assert.deepEqual(new Set(ofGold), new Set([...named, "gold"]));
    assert.equal(ofGold.length, 4 * 5);
    assert.deepEqual(await points(...lab), []);
    await audit();
  });

  it("an exclude of ours before a catch-all of ours, and an exclusion of one volume", async () => {
    const [first, second] = plain;
    const frequent = {
      mechanism: "backup",
      schedule: { daily: "00:00" },
      retention: { age: "7d" },
    };
    await write({
      policies: { gold: goldPolicy, nightly: frequent },
      rules: [
        { name: "not these", priority: 10, match: { server: { id: first!.id } }, exclude: true },
        { name: "not the gold ones twice", priority: 20, match: goldRule.match, policies: ["gold"] },
        { name: "all", priority: 30, match: {}, policies: ["nightly"] },
      ],
      exclusions: [{ volume: lab[0]!.volumes[0]!, reason: "scratch" }],
    });
    await rename(labProject, `${prefix}-p2`);
    await dirigent.configure({ policies: { file: policiesFile() } });
    await settle();
    const nightly = async (server: SeededServer): Promise<string[]> =>
      (await points(server))
        .filter((each) => policyOf(each) === "nightly")
        .map(({ volumeId }) => volumeId)
        .sort();
    assert.deepEqual(await nightly(first!), []);
    assert.deepEqual(await nightly(second!), [...second!.volumes].sort());
    assert.deepEqual([...(await nightly(gold[0]!)), ...(await nightly(gold[1]!))], []);
    assert.deepEqual(
      [...(await nightly(lab[0]!)), ...(await nightly(lab[1]!))].sort(),
      [lab[0]!.volumes[1]!, ...lab[1]!.volumes].sort(),
    );
    await audit();
  });

  it("a full quota: blocked, and told; or what the new one pushes out goes first, and nothing else", async () => {
    const [server] = plain;
    const volumeId = server!.volumes[0]!;
    /** A slot that begins now, of a policy that keeps two. */
    const slot = async (onQuota: "block" | "prune"): Promise<readonly string[]> => {
      const often = {
        mechanism: "snapshot",
        schedule: { interval: { every: "1h", from: new Date(Math.floor(Date.now() / 1000) * 1000).toISOString() } },
        retention: { last: 2 },
        minimum_retention: "1s",
        on_quota: onQuota,
      };
      await write({
        policies: { gold: goldPolicy, often },
        rules: [{ name: "often", match: { volume: { id: volumeId } }, policies: ["often"] }],
      });
      const { projects } = await cycle();
      return projects.flatMap(({ lines }) =>
        lines.filter((each) => each.volumeId === volumeId).map(({ outcome, reason }) => `${outcome} ${reason}`),
      );
    };
    const snapshotsThere = async (): Promise<Made[]> =>
      (await points(...plain)).filter(({ mechanism }) => mechanism === "snapshot");
    const often = async (): Promise<string[]> =>
      (await snapshotsThere())
        .filter((each) => policyOf(each) === "often")
        .sort((a, b) => a.createdAt.localeCompare(b.createdAt))
        .map(({ id }) => id);

    const others = (await snapshotsThere()).map(({ id }) => id).sort();
    await cloud.admin.call("PUT", "volumev3", `/os-quota-sets/${server!.project}`, {
      quota_set: { snapshots: others.length + 2 },
    });
    await slot("block");
    await slot("block");
    const full = await often();
    assert.equal(full.length, 2);
    assert.deepEqual(await slot("block"), ["failed over_quota"]);
    assert.deepEqual(await often(), full);

    await slot("prune");
    const pruned = await often();
    assert.deepEqual([pruned.length, pruned[0], full.includes(pruned[1]!)], [2, full[1], false]);
    assert.deepEqual(
      (await snapshotsThere())
        .map(({ id }) => id)
        .filter((id) => !pruned.includes(id))
        .sort(),
      others,
    );
    await audit();
  });

  it("a lost database: the catalogue rebuilt from Cinder is the one of before, and nothing is made twice", async () => {
    const list = async (): Promise<unknown> => (await dirigent.json("backups", "list")).value;
    const entries = async () =>
      (await withStore((store) => store.catalogue()))
        // No mark says when we first saw that it was good.
        .map((entry) => ({ ...entry, goodAt: null }))
        .sort((a, b) => a.backupId.localeCompare(b.backupId));
    assert.deepEqual((await dirigent.json("rebuild")).value, { outcome: "ok", count: 0, differences: [] });
    const [listed, known] = [await list(), await entries()];
    const there = (await points(...world.servers)).map(({ id }) => id).sort();
    assert.deepEqual(
      known.map(({ backupId }) => backupId),
      there,
    );
    for (const end of ["", "-wal", "-shm"]) await rm(`${dirigent.database}${end}`, { force: true });
    const { code, value } = await dirigent.json("rebuild");
    assert.deepEqual([code, (value as { count: number }).count], [0, there.length]);
    assert.deepEqual(await entries(), known);
    assert.deepEqual(await list(), listed);
    await write({ policies: { gold: goldPolicy }, rules: [goldRule] });
    await settle();
    assert.deepEqual((await points(...world.servers)).map(({ id }) => id).sort(), there);
    await audit();
  });
});
