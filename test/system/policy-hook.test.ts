import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter, type Credential } from "./support/credentials.ts";
import { cycleAhead } from "./support/cycle.ts";
import { install, type Installation } from "./support/dirigent.ts";
import { backups, type BackupRow } from "./support/judge.ts";
import { freePort, putInPolicies, startHook, takeOutPolicies, type RunningHook } from "./support/policy-hook.ts";
import type { Method, Session } from "./support/session.ts";
import { until } from "./support/wait.ts";
import { removeWorld, seed, type World } from "./support/world.ts";

type Metadata = Record<string, string>;

/** Cinder's answer to whoever the hook says no to. */
const refusedBy = (rule: string) => ({
  status: 403,
  body: { forbidden: { code: 403, message: `Policy doesn't allow ${rule} to be performed.` } },
});
const accepted = { status: 202, body: undefined };

const forceDelete = "volume_extension:backup_admin_actions:force_delete";
const resetStatus = "volume_extension:backup_admin_actions:reset_status";
const marked = { __automated_backup: "True" };

describe("the policy hook in front of a real Cinder, with the policy file we ship", () => {
  const prefix = "hook";
  let cloud: Cloud;
  let world: World;
  let writer: Credential;
  let dirigent: Installation;
  let directory: string;
  let hook: RunningHook;
  let port: number;
  /** The project, with a member of it, and a volume of its. */
  let projectId: string;
  let volumeId: string;
  let member: Session;
  /** The writer in the project, as the conductor uses it. */
  let conductor: Session;
  let stranger: Session;

  const hookSettings = (more: Metadata | { admins_may_delete: boolean } = {}) => ({
    policy: { name: "minutely", period: "60s", retention: "60s", minimum_retention: "60s", full_every: 1 },
    policy_hook: { port, conductor_user_ids: [writer.userId], metrics: { port: 0 }, ...more },
  });

  before(async () => {
    cloud = await Cloud.open();
    await takeOutPolicies();
    await removeWorld(cloud, prefix);
    world = await seed(cloud, { prefix, servers: 2, volumesEach: 1, projects: 2, share: 1 });
    writer = await makeWriter(cloud, prefix);
    const reader = await makeReader(cloud, prefix);
    directory = await mkdtemp(join(tmpdir(), "dirigent-hook-"));
    dirigent = await install(directory, { reader, writer });
    port = await freePort();
    await dirigent.configure(hookSettings());
    hook = await startHook(dirigent, port);
    await putInPolicies(hook.origin);

    const [name, id] = Object.entries(world.projects)[0]!;
    const [otherName] = Object.entries(world.projects)[1]!;
    projectId = id;
    volumeId = world.servers.find((server) => server.project === id)!.volumes[0]!;
    member = await cloud.tenant(name);
    stranger = await cloud.tenant(otherName);
    conductor = await cloud.login(writer.login, { projectId });
    await cycle(0);
  });

  after(async () => {
    await takeOutPolicies();
    await hook.stop();
    await removeWorld(cloud, prefix);
    await rm(directory, { recursive: true, force: true });
  });

  /** One cycle of the conductor, with its clock ahead of the cloud's so that a slot is due and what is older has expired. */
  const cycle = (aheadMs: number) => cycleAhead(dirigent, aheadMs);

  const answer = async (session: Session, method: Method, path: string, body?: unknown) => {
    const reply = await session.raw(method, "volumev3", path, body === undefined ? {} : { body });
    return { status: reply.status, body: reply.body };
  };
  const rowOf = async (id: string): Promise<BackupRow | undefined> =>
    (await backups(cloud.admin)).find((row) => row.id === id);
  const gone = (id: string) => until(`backup ${id} is gone`, async () => (await rowOf(id)) === undefined);
  const automated = async (): Promise<BackupRow[]> =>
    (await backups(cloud.admin)).filter((row) => row.user_id === writer.userId && row.volume_id === volumeId);
  const newest = async (): Promise<BackupRow> =>
    (await automated()).toSorted((a, b) => b.created_at.localeCompare(a.created_at))[0]!;

  const makeBackup = async (session: Session, metadata: Metadata = {}): Promise<string> => {
    const backup = { volume_id: volumeId, name: `${prefix}-made`, force: true, metadata };
    const made = await session.call<{ backup: { id: string } }>("POST", "volumev3", "/backups", { backup });
    const { id } = made.backup;
    await until("the backup is available", async () => (await rowOf(id))?.status === "available");
    return id;
  };
  const backupCalls = (id: string, session: Session) => ({
    remove: () => answer(session, "DELETE", `/backups/${id}`),
    update: (metadata: Metadata) => answer(session, "PUT", `/backups/${id}`, { backup: { metadata } }),
    rename: (name: string) => answer(session, "PUT", `/backups/${id}`, { backup: { name } }),
    forceDelete: () => answer(session, "POST", `/backups/${id}/action`, { "os-force_delete": {} }),
    reset: (status: string) => answer(session, "POST", `/backups/${id}/action`, { "os-reset_status": { status } }),
  });

  /** Nothing of a row has changed but what Cinder counts by itself. */
  const assertUnchanged = async (before: BackupRow): Promise<void> => assert.deepEqual(await rowOf(before.id), before);

  it("a member's DELETE and PUT of an automated backup: 403, and it is unchanged", async () => {
    const row = await newest();
    assert.equal(row.metadata["__automated_backup"], "True");
    const tried = backupCalls(row.id, member);
    assert.deepEqual(await tried.remove(), refusedBy("backup:delete"));
    assert.deepEqual(await tried.update({}), refusedBy("backup:update"));
    assert.deepEqual(await tried.rename("mine"), refusedBy("backup:update"));
    await assertUnchanged(row);
  });

  it("of his own: works", async () => {
    const id = await makeBackup(member);
    const tried = backupCalls(id, member);
    assert.equal((await tried.update({ a: "b" })).status, 200);
    assert.equal((await tried.rename("mine")).status, 200);
    assert.deepEqual((await rowOf(id))?.metadata, { a: "b" });
    assert.deepEqual(await tried.remove(), accepted);
    await gone(id);
  });

  it("with marks forged on his own: 403; works after it was disowned", async () => {
    const id = await makeBackup(member, marked);
    const tried = backupCalls(id, member);
    assert.deepEqual(await tried.remove(), refusedBy("backup:delete"));
    assert.deepEqual(await tried.update({}), refusedBy("backup:update"));
    assert.equal((await backupCalls(id, conductor).update({ kept: "his" })).status, 200);
    assert.deepEqual(await tried.remove(), accepted);
    await gone(id);
  });

  it("with its marks lost, its creator decides: 403", async () => {
    const id = await makeBackup(conductor);
    assert.deepEqual((await rowOf(id))?.metadata, {});
    const row = (await rowOf(id))!;
    const tried = backupCalls(id, member);
    assert.deepEqual(await tried.remove(), refusedBy("backup:delete"));
    assert.deepEqual(await tried.update({}), refusedBy("backup:update"));
    await assertUnchanged(row);
    assert.deepEqual(await backupCalls(id, conductor).remove(), accepted);
    await gone(id);
  });

  it("another project's member is answered as without us", async () => {
    const own = await makeBackup(member);
    const ids = [own, (await newest()).id];
    const ask = async () =>
      Promise.all(
        ids.flatMap((id) => {
          const tried = backupCalls(id, stranger);
          return [tried.remove(), tried.update({}), tried.forceDelete(), tried.reset("error")];
        }),
      );
    const withUs = await ask();
    await takeOutPolicies();
    const withoutUs = await ask();
    await putInPolicies(hook.origin);
    assert.deepEqual(withUs, withoutUs);
    for (const { status } of withUs) assert.ok(status === 404 || status === 403, String(status));
    assert.deepEqual(await backupCalls(own, member).remove(), accepted);
    await gone(own);
  });

  it("an admin's force-delete, reset, DELETE and PUT: 403 as it is by default, of users' own backups as without us", async () => {
    const row = await newest();
    const tried = backupCalls(row.id, cloud.admin);
    assert.deepEqual(await tried.forceDelete(), refusedBy(forceDelete));
    assert.deepEqual(await tried.reset("error"), refusedBy(resetStatus));
    assert.deepEqual(await tried.remove(), refusedBy("backup:delete"));
    assert.deepEqual(await tried.update({}), refusedBy("backup:update"));
    await assertUnchanged(row);

    const own = await makeBackup(member);
    const triedOwn = backupCalls(own, cloud.admin);
    assert.deepEqual(await triedOwn.reset("error"), accepted);
    await until("the status is reset", async () => (await rowOf(own))?.status === "error");
    assert.deepEqual(await triedOwn.forceDelete(), accepted);
    await gone(own);
  });

  it("the conductor's rotation works", async () => {
    const before = await automated();
    const { exitCode, stderr } = await cycle(130_000);
    assert.equal(exitCode, 0, stderr);
    const after = await automated();
    assert.deepEqual(
      { made: after.filter(({ id }) => before.every((old) => old.id !== id)).length, left: after.length },
      { made: 1, left: 1 },
    );
  });
});
