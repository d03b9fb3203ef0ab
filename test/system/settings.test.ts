import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter } from "./support/credentials.ts";
import { install, type Installation } from "./support/dirigent.ts";
import { backups, childrenOf, type BackupRow } from "./support/judge.ts";
import { removeWorld, seed } from "./support/world.ts";

const dayMs = 86_400_000;

describe("settings on a real cloud", () => {
  const prefix = "settings";
  let cloud: Cloud;
  let directory: string;
  let dirigent: Installation;
  let writerId: string;
  let volume: string;

  before(async () => {
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    const world = await seed(cloud, { prefix, servers: 1, volumesEach: 1, projects: 1, share: 1 });
    volume = world.servers[0]!.volumes[0]!;
    directory = await mkdtemp(join(tmpdir(), "dirigent-settings-"));
    const writer = await makeWriter(cloud, prefix);
    writerId = writer.userId;
    dirigent = await install(directory, { reader: await makeReader(cloud, prefix), writer });
  });

  after(async () => {
    await removeWorld(cloud, prefix);
    await rm(directory, { recursive: true, force: true });
  });

  const ours = async (): Promise<BackupRow[]> =>
    (await backups(cloud.admin)).filter((row) => row.user_id === writerId && row.volume_id === volume);

  /** One night of a policy of its own name, so that it need not wait for a slot. What it made. */
  const night = async (name: string, policy: Readonly<Record<string, unknown>>): Promise<BackupRow> => {
    const archive = { first_of: "month", container: "vault", retention: "60d" };
    const short = { period: "1d", retention: "1s", minimum_retention: "1s", archive };
    await dirigent.configure({ policy: { ...short, ...policy, name } });
    const known = new Set((await ours()).map(({ id }) => id));
    const { code, value, stderr } = await dirigent.json("conductor", "--once");
    assert.equal(code, 0, stderr + JSON.stringify(value));
    const made = (await ours()).filter(({ id }) => !known.has(id));
    assert.equal(made.length, 1);
    return made[0]!;
  };

  it("an archive full lands in its container for its own time, the next is a full in the usual one, and rotation keeps the archive", async () => {
    const archive = await night("n1", { full_every: 7 });
    assert.deepEqual([archive.container, archive.is_incremental, archive.status], ["vault", false, "available"]);
    assert.equal(archive.metadata["dirigent:archive"], "True");
    const slotMs = Date.parse(archive.metadata["dirigent:slot"] ?? "");
    assert.equal(Date.parse(archive.metadata["dirigent:keep-until"] ?? ""), slotMs + 60 * dayMs);

    const usual = await night("n2", { full_every: 7 });
    assert.notEqual(usual.container, "vault");
    assert.equal(usual.is_incremental, false);
    assert.equal(usual.metadata["dirigent:archive"], undefined);

    // All fulls, with a retention that has passed at once: rotation takes each but the newest and the archive.
    await night("n3", { full_every: 1 });
    const newest = await night("n4", { full_every: 1 });
    assert.deepEqual((await ours()).map(({ id }) => id).sort(), [archive.id, newest.id].sort());
    assert.deepEqual(await childrenOf(cloud.admin, archive.id), []);
    const audit = await dirigent.run("audit");
    assert.equal(audit.code, 0, `${audit.stdout}\n${audit.stderr}`);
  });

  it("an archive in a zone that Cinder takes no notice of is a failure that says why, and the backup stays", async () => {
    const archive = { every: 2, container: "vault", retention: "60d", availability_zone: "far" };
    await dirigent.configure({
      policy: { period: "1d", retention: "1s", minimum_retention: "1s", full_every: 1, name: "n5", archive },
    });
    const before = new Set((await ours()).map(({ id }) => id));
    const { code, value } = await dirigent.json("conductor", "--once");
    assert.equal(code, 1);
    assert.match(JSON.stringify(value), /archive_wrong_zone/);
    assert.match(JSON.stringify(value), /asked for zone far, Cinder shows none/);
    const made = (await ours()).filter(({ id }) => !before.has(id));
    assert.deepEqual(
      made.map(({ container, status }) => [container, status]),
      [["vault", "available"]],
    );
  });
});
