import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { stringify } from "yaml";
import { addCeph } from "./support/ceph.ts";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter } from "./support/credentials.ts";
import { install, type Installation } from "./support/dirigent.ts";
import { snapshots, volumes as volumeRows, type SnapshotRow } from "./support/judge.ts";
import { mustRun } from "./support/processes.ts";
import type { Session } from "./support/session.ts";
import { until } from "./support/wait.ts";
import { removeWorld, seed } from "./support/world.ts";

const prefix = "cephsnap";

interface CycleJson {
  readonly outcome: string;
  readonly projects: readonly {
    readonly sets: readonly { readonly complete: boolean; readonly made: number }[];
    readonly rotation: { readonly deleted: number; readonly failed: number };
  }[];
}

/** Snapshots by a policy with Ceph, where one that a volume was made from is busy: Cinder takes its DELETE and keeps it. */
describe("nights of snapshots with Ceph", () => {
  let environment: NodeJS.ProcessEnv;
  let cloud: Cloud;
  let tenant: Session;
  let dirigent: Installation;
  let directory: string;
  let first: string;
  let volumes: readonly string[];
  /** What the first volume held when its first snapshot was made. */
  let held: string;
  /** The first snapshot of the first volume. */
  let source: SnapshotRow;

  before(async () => {
    environment = await addCeph();
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    const world = await seed(cloud, { prefix, servers: 1, volumesEach: 2, projects: 1, share: 0, type: "rbd" });
    volumes = world.servers[0]!.volumes;
    first = volumes[0]!;
    tenant = await cloud.tenant(`${prefix}-p0`);
    // Of a cloud that loses a fifth of its volumes nothing is deleted for a day.
    await Promise.all(Array.from({ length: 6 }, () => make({ volume_type: "fast" })));
    directory = await mkdtemp(join(tmpdir(), "dirigent-ceph-snapshots-"));
    dirigent = await install(directory, {
      reader: await makeReader(cloud, prefix),
      writer: await makeWriter(cloud, prefix),
    });
    await dirigent.configure({ policies: { file: join(directory, "policies.yaml") } });
  });

  after(async () => {
    await removeWorld(cloud, prefix);
    await rm(directory, { recursive: true, force: true });
  });

  const content = (...args: readonly string[]): Promise<string> =>
    mustRun("/usr/bin/python3", [join(import.meta.dirname, "support", "rbd_content.py"), ...args], {
      env: environment,
    });
  const digest = async (id: string): Promise<string> =>
    (JSON.parse(await content("digest", id)) as Readonly<Record<string, string>>)[id]!;

  const ours = async (): Promise<SnapshotRow[]> =>
    (await snapshots(cloud.admin)).filter(({ volume_id }) => volumes.includes(volume_id));

  /** A cycle in a slot of its own: the policy's first slot begins now, so that nobody has to wait for one. */
  async function night(): Promise<CycleJson> {
    const from = new Date(Math.floor(Date.now() / 1000) * 1000);
    const often = {
      mechanism: "snapshot",
      schedule: { interval: { every: "1h", from: from.toISOString() } },
      retention: { last: 1 },
      minimum_retention: "1s",
    };
    const rules = [{ name: "all of it", match: { server: { name: { prefix: `${prefix}-` } } }, policies: ["often"] }];
    await writeFile(join(directory, "policies.yaml"), stringify({ policies: { often }, rules }));
    const { code, value, stderr } = await dirigent.json("conductor", "--once");
    assert.equal(code, 0, stderr);
    return value as CycleJson;
  }

  async function make(volume: Readonly<Record<string, unknown>>): Promise<string> {
    const asked = { size: 1, volume_type: "rbd", ...volume };
    const { id } = (await tenant.call<{ volume: { id: string } }>("POST", "volumev3", "/volumes", { volume: asked }))
      .volume;
    await until("the volume is available", async () =>
      (await volumeRows(cloud.admin)).some((row) => row.id === id && row.status === "available"),
    );
    return id;
  }

  async function remove(id: string): Promise<void> {
    await tenant.call("DELETE", "volumev3", `/volumes/${id}`);
    await until("the volume is gone", async () => !(await volumeRows(cloud.admin)).some((row) => row.id === id));
  }

  it("all volumes of the server are snapshotted in use, as one set, and hold what was written", async () => {
    await content("change", "0", ...volumes);
    held = await digest(first);
    const { outcome, projects } = await night();
    assert.deepEqual(
      [outcome, projects.flatMap(({ sets }) => sets).map(({ complete, made }) => [complete, made])],
      ["ok", [[true, 2]]],
    );
    const made = await ours();
    assert.deepEqual(
      made.map(({ volume_id, status }) => [volume_id, status]).sort(),
      volumes.map((id) => [id, "available"]).sort(),
    );
    assert.ok(
      (await volumeRows(cloud.admin))
        .filter(({ id }) => volumes.includes(id))
        .every(({ status }) => status === "in-use"),
    );
    source = made.find(({ volume_id }) => volume_id === first)!;
  });

  it("one that a volume was made from is not asked to go, and the others go on", async () => {
    const clone = await make({ snapshot_id: source.id });
    assert.equal(await digest(clone), held);
    await content("change", "1", ...volumes);
    const { projects } = await night();
    assert.deepEqual(
      projects.map(({ rotation }) => [rotation.deleted, rotation.failed]),
      [[1, 0]],
    );
    const { value } = await dirigent.json("plan");
    const { rotation } = value as {
      readonly rotation: readonly {
        readonly decisions: readonly { readonly backupId: string; readonly reason: string }[];
      }[];
    };
    const decision = rotation.flatMap(({ decisions }) => decisions).find(({ backupId }) => backupId === source.id);
    assert.equal(decision?.reason, "keep_has_volumes");
    // From now on its clone is hidden: Cinder shows neither a volume made from the snapshot nor why the snapshot cannot go.
    await make({ source_volid: clone });
    await remove(clone);
  });

  it("a busy one, whose DELETE Cinder takes and forgets, is told as such, not counted as gone, and stops no night", async () => {
    const { projects } = await night();
    assert.deepEqual(
      projects.map(({ rotation }) => [rotation.deleted, rotation.failed]),
      [[2, 1]],
    );
    const left = await ours();
    assert.equal(left.length, 3);
    assert.equal(left.find(({ id }) => id === source.id)?.status, "available");
    const shown = await dirigent.run("backups", "show", source.id);
    assert.match(shown.stdout, /busy/);
    const again = await night();
    assert.deepEqual(
      again.projects.map(({ rotation }) => [rotation.deleted, rotation.failed]),
      [[2, 1]],
    );
  });

  it("it goes when its clones are gone, and the audit finds nothing", async () => {
    for (const { id, volume_type } of await volumeRows(cloud.admin)) {
      if (volume_type === "rbd" && !volumes.includes(id)) await remove(id);
    }
    const file = join(directory, "audit.json");
    assert.equal((await dirigent.run("audit", "--save", file)).code, 0);
    await night();
    const left = await ours();
    assert.deepEqual(left.map(({ volume_id }) => volume_id).sort(), [...volumes].sort());
    assert.ok(existsSync(file));
    const { code, stdout } = await dirigent.run("audit", "--before", file);
    assert.equal(code, 0, stdout);
  });
});
