import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Cloud, STATE, type CloudEntry } from "./support/cloud.ts";
import { makeReader, makeWriter, writeClouds, type Credential } from "./support/credentials.ts";
import { cycleAhead } from "./support/cycle.ts";
import { install, type Installation } from "./support/dirigent.ts";
import { backups, snapshots, volumes, type BackupRow, type SnapshotRow } from "./support/judge.ts";
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

/** Cinder's answer to anyone while the hook does not answer. */
const serverFault = {
  status: 500,
  body: {
    computeFault: {
      code: 500,
      message: "The server has either erred or is incapable of performing the requested operation.",
    },
  },
};

const forceDelete = "volume_extension:backup_admin_actions:force_delete";
const resetStatus = "volume_extension:backup_admin_actions:reset_status";
const marked = { __automated_backup: "True" };

describe("the policy hook in front of a real Cinder, with the policy file we ship", () => {
  const prefix = "hook";
  let cloud: Cloud;
  let world: World;
  let reader: Credential;
  let writer: Credential;
  let dirigent: Installation;
  let directory: string;
  let hook: RunningHook | undefined;
  let port: number;
  let origin: string;
  /** The project, with a member of it, and a volume of its. */
  let projectId: string;
  let volumeId: string;
  let member: Session;
  let memberName: string;
  /** The writer in the project, as the conductor uses it. */
  let conductor: Session;
  let stranger: Session;

  const hookSettings = (more: Readonly<Record<string, unknown>> = {}) => ({
    policy: { name: "minutely", period: "60s", retention: "60s", minimum_retention: "60s", full_every: 1 },
    policy_hook: { port, conductor_user_ids: [writer.userId], metrics: { port: 0 }, ...more },
  });

  before(async () => {
    cloud = await Cloud.open();
    await takeOutPolicies();
    await removeWorld(cloud, prefix);
    world = await seed(cloud, { prefix, servers: 2, volumesEach: 1, projects: 2, share: 1 });
    writer = await makeWriter(cloud, prefix);
    reader = await makeReader(cloud, prefix);
    directory = await mkdtemp(join(tmpdir(), "dirigent-hook-"));
    dirigent = await install(directory, { reader, writer });
    port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    await dirigent.configure(hookSettings());
    hook = await startHook(dirigent, port);
    await putInPolicies(origin);

    const [name, id] = Object.entries(world.projects)[0]!;
    const [otherName] = Object.entries(world.projects)[1]!;
    projectId = id;
    memberName = name;
    volumeId = world.servers.find((server) => server.project === id)!.volumes[0]!;
    member = await cloud.tenant(name);
    stranger = await cloud.tenant(otherName);
    conductor = await cloud.login(writer.login, { projectId });
    // One project to back up is enough, and a rotation that fails takes its time in each.
    const other = world.servers.find((server) => server.project !== id)!;
    await stranger.call("DELETE", "compute", `/servers/${other.id}/metadata/backup`);
    await cycleAhead(dirigent, { aheadMs: 0 });
  });

  after(async () => {
    await takeOutPolicies();
    await hook?.stop();
    await removeWorld(cloud, prefix);
    await rm(directory, { recursive: true, force: true });
  });

  /** Runs `work` with another configuration of the hook. */
  const reconfigured = async (more: Parameters<typeof hookSettings>[0], work: () => Promise<void>): Promise<void> => {
    const restart = async (settings: Parameters<typeof hookSettings>[0]): Promise<void> => {
      await hook?.stop();
      await dirigent.configure(hookSettings(settings));
      hook = await startHook(dirigent, port);
    };
    await restart(more);
    try {
      await work();
    } finally {
      await restart({});
    }
  };

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
    await putInPolicies(origin);
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
    const { exitCode, stderr } = await cycleAhead(dirigent, { aheadMs: 95_000 });
    assert.equal(exitCode, 0, stderr);
    const after = await automated();
    assert.deepEqual(
      { made: after.filter(({ id }) => before.every((old) => old.id !== id)).length, left: after.length },
      { made: 1, left: 1 },
    );
  });

  it("an admin may do it where the hook is configured so; a held one is deleted by nobody, until the hold is lifted", async () => {
    await reconfigured({ admins_may_delete: true }, async () => {
      const held = await makeBackup(conductor, { ...marked, "dirigent:hold": "2026" });
      const [asAdmin, asConductor] = [backupCalls(held, cloud.admin), backupCalls(held, conductor)];
      assert.deepEqual(await asAdmin.forceDelete(), refusedBy(forceDelete));
      assert.deepEqual(await asAdmin.reset("error"), refusedBy(resetStatus));
      assert.deepEqual(await asAdmin.update(marked), refusedBy("backup:update"));
      assert.deepEqual(await asConductor.remove(), refusedBy("backup:delete"));
      assert.equal((await asConductor.update(marked)).status, 200);
      assert.deepEqual(await backupCalls(held, member).remove(), refusedBy("backup:delete"));
      assert.deepEqual(await asAdmin.reset("error"), accepted);
      await until("the status is reset", async () => (await rowOf(held))?.status === "error");
      assert.deepEqual(await asAdmin.forceDelete(), accepted);
      await gone(held);
    });
  });

  it("the hook is stopped: users get 500, nothing is deleted, and rotation makes up for it later", async () => {
    const own = await makeBackup(member);
    await hook?.stop();
    const row = (await rowOf(own))!;
    const tried = backupCalls(own, member);
    assert.deepEqual(await tried.remove(), serverFault);
    assert.deepEqual(await tried.update({}), serverFault);
    assert.deepEqual(await backupCalls(own, cloud.admin).forceDelete(), serverFault);
    await assertUnchanged(row);

    const old = await automated();
    const during = await cycleAhead(dirigent, { aheadMs: 190_000, speed: 4 });
    const both = await automated();
    assert.equal(both.length, old.length + 1, during.stderr);
    assert.deepEqual(
      both.filter(({ id }) => old.some((each) => each.id === id)),
      old,
    );
    hook = await startHook(dirigent, port);
    const later = await cycleAhead(dirigent, { aheadMs: 285_000 });
    assert.equal(later.exitCode, 0, later.stderr);
    const left = await automated();
    assert.ok(left.every(({ id }) => both.every((each) => each.id !== id)) && left.length === 1, JSON.stringify(left));
    assert.deepEqual(await tried.remove(), accepted);
    await gone(own);
  });

  describe("snapshots", () => {
    const snapshotOf = async (id: string): Promise<SnapshotRow | undefined> =>
      (await snapshots(cloud.admin)).find((row) => row.id === id);
    const makeSnapshot = async (session: Session, metadata: Metadata = {}): Promise<SnapshotRow> => {
      const snapshot = { volume_id: volumeId, name: `${prefix}-made`, force: true, metadata };
      const made = await session.call<{ snapshot: { id: string } }>("POST", "volumev3", "/snapshots", { snapshot });
      return until("the snapshot is available", async () => {
        const row = await snapshotOf(made.snapshot.id);
        return row?.status === "available" && row;
      });
    };
    const goneSnapshot = (id: string) => until(`snapshot ${id} is gone`, async () => !(await snapshotOf(id)));
    const calls = ({ id }: SnapshotRow, session: Session) => ({
      remove: () => answer(session, "DELETE", `/snapshots/${id}`),
      rename: () => answer(session, "PUT", `/snapshots/${id}`, { snapshot: { name: "mine" } }),
      addMetadata: () => answer(session, "POST", `/snapshots/${id}/metadata`, { metadata: { a: "b" } }),
      setMetadata: () => answer(session, "PUT", `/snapshots/${id}/metadata`, { metadata: {} }),
      setKey: () => answer(session, "PUT", `/snapshots/${id}/metadata/a`, { meta: { a: "c" } }),
      removeKey: (key: string) => answer(session, "DELETE", `/snapshots/${id}/metadata/${key}`),
      forceDelete: () => answer(session, "POST", `/snapshots/${id}/action`, { "os-force_delete": {} }),
      unmanage: () => answer(session, "POST", `/snapshots/${id}/action`, { "os-unmanage": {} }),
      reset: () => answer(session, "POST", `/snapshots/${id}/action`, { "os-reset_status": { status: "error" } }),
    });
    const assertRefused = async (row: SnapshotRow, session: Session): Promise<void> => {
      const tried = calls(row, session);
      assert.deepEqual(
        {
          remove: await tried.remove(),
          rename: await tried.rename(),
          addMetadata: await tried.addMetadata(),
          setMetadata: await tried.setMetadata(),
          setKey: await tried.setKey(),
          removeKey: await tried.removeKey(Object.keys(row.metadata)[0] ?? ""),
        },
        {
          remove: refusedBy("volume:delete_snapshot"),
          rename: refusedBy("volume:update_snapshot"),
          addMetadata: refusedBy("volume:update_snapshot_metadata"),
          setMetadata: refusedBy("volume:update_snapshot_metadata"),
          setKey: refusedBy("volume:update_snapshot_metadata"),
          removeKey: refusedBy("volume:delete_snapshot_metadata"),
        },
      );
      assert.deepEqual(await snapshotOf(row.id), row);
    };

    it("a member's calls on an automated one: 403, marked or created by us, and it is unchanged; the conductor's rotation works", async () => {
      for (const metadata of [marked, { a: "its marks are lost" }]) {
        const row = await makeSnapshot(conductor, metadata);
        await assertRefused(row, member);
        assert.deepEqual(await calls(row, conductor).remove(), accepted);
        await goneSnapshot(row.id);
      }
    });

    it("of his own: works; with marks forged: 403, and works after it was disowned", async () => {
      const own = await makeSnapshot(member, { a: "b" });
      const tried = calls(own, member);
      const seen = [tried.rename, tried.addMetadata, tried.setKey, () => tried.removeKey("a"), tried.setMetadata];
      for (const call of seen) assert.equal((await call()).status, 200);
      assert.deepEqual(await tried.remove(), accepted);
      await goneSnapshot(own.id);

      const forged = await makeSnapshot(member, marked);
      await assertRefused(forged, member);
      assert.equal((await calls(forged, conductor).removeKey("__automated_backup")).status, 200);
      assert.deepEqual(await calls(forged, member).remove(), accepted);
      await goneSnapshot(forged.id);
    });

    it("an admin's force-delete, reset and unmanage: 403 as it is by default; another project's member: as without us", async () => {
      const row = await makeSnapshot(conductor, marked);
      await assertRefused(row, cloud.admin);
      const asAdmin = calls(row, cloud.admin);
      const admin = "volume_extension:snapshot_admin_actions";
      assert.deepEqual(await asAdmin.forceDelete(), refusedBy(`${admin}:force_delete`));
      assert.deepEqual(await asAdmin.reset(), refusedBy(`${admin}:reset_status`));
      assert.deepEqual(await asAdmin.unmanage(), refusedBy("snapshot_extension:snapshot_unmanage"));
      const asStranger = calls(row, stranger);
      const ask = async () => [
        await asStranger.remove(),
        await asStranger.setMetadata(),
        await asStranger.forceDelete(),
      ];
      const withUs = await ask();
      await takeOutPolicies();
      assert.deepEqual(withUs, await ask());
      await putInPolicies(origin);
      assert.deepEqual(await snapshotOf(row.id), row);
      assert.deepEqual(await calls(row, conductor).remove(), accepted);
      await goneSnapshot(row.id);
    });
  });

  describe("dirigent doctor policy", () => {
    interface Finding {
      readonly id: string;
      readonly level: string;
      readonly message: string;
    }

    before(async () => {
      const named = (entry: CloudEntry, userId: string) => ({ entry, userId, login: writer.login });
      const project = { username: memberName, project_name: memberName, password: cloud.password };
      const domains = { user_domain_name: "Default", project_domain_name: "Default" };
      const entry = { auth: { auth_url: cloud.authUrl, ...project, ...domains }, region_name: cloud.region };
      await writeClouds(directory, {
        reader,
        writer,
        member: named(entry, member.userId),
        admin: named(cloud.entries["admin"]!, cloud.admin.userId),
      });
    });

    const examine = async (...args: readonly string[]) => {
      const { code, value, stderr } = await dirigent.json("doctor", "policy", ...args);
      const { findings } = value as { findings: readonly Finding[] };
      const worries = findings.filter(({ level }) => level !== "ok").map(({ id, level }) => `${level} ${id}`);
      return { code, findings, worries, stderr };
    };
    const files = ["--cinder-conf", join(STATE, "conf", "cinder", "hook.conf")];
    const live = ["--member", "member", "--admin", "admin"];
    /** Of the whole cloud: nothing of a trial stays. */
    const everything = async () => [
      ...(await backups(cloud.admin)).map(({ id }) => id),
      ...(await snapshots(cloud.admin)).map(({ id }) => id),
      ...(await volumes(cloud.admin)).map(({ id }) => id),
    ];

    it("finds all in order with the shipped file, and leaves nothing behind", async () => {
      const before = await everything();
      const { code, findings, worries } = await examine(...files, ...live);
      assert.deepEqual(
        { code, worries },
        { code: 0, worries: ["warning rules.volume-delete"] },
        JSON.stringify(findings),
      );
      assert.equal(findings.filter(({ id }) => id.startsWith("try.")).length, 17);
      assert.deepEqual(await everything(), before);
    });

    it("says what is not guarded, and leaves nothing behind", async () => {
      const before = await everything();
      await takeOutPolicies();
      const { code, findings, worries } = await examine(...files, ...live);
      await putInPolicies(origin);
      assert.deepEqual(
        { code, worries },
        {
          code: 1,
          worries: [
            "failed rules.guarded",
            "warning rules.volume-delete",
            "failed try.member.automated.volume:update_snapshot",
            "failed try.member.automated.volume:update_snapshot_metadata",
            "failed try.member.automated.volume:delete_snapshot_metadata",
            "failed try.member.automated.volume:delete_snapshot",
            "failed try.member.automated.backup:update",
            "failed try.member.automated.backup:delete",
          ],
        },
        JSON.stringify(findings),
      );
      assert.deepEqual(await everything(), before);
    });

    it("says so when the hook does not know the writer, and when it does not answer", async () => {
      await reconfigured({ conductor_user_ids: [stranger.userId] }, async () => {
        const { code, worries } = await examine("--hook", `${origin}/v1/backup`, ...live);
        const rotation = ["snapshot", "backup"].map((kind) =>
          kind === "backup"
            ? "failed try.writer.automated.backup:delete"
            : "failed try.writer.automated.volume:delete_snapshot",
        );
        assert.equal(code, 1);
        for (const id of [...rotation, "failed hook.answers"]) assert.ok(worries.includes(id), worries.join(", "));
      });
      await hook?.stop();
      const { code, worries } = await examine(...files);
      hook = await startHook(dirigent, port);
      assert.deepEqual(
        { code, worries },
        {
          code: 1,
          worries: ["warning rules.volume-delete", "failed hook.answers", "failed hook.answers"],
        },
      );
    });
  });
});
