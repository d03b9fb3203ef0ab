import assert from "node:assert/strict";
import { it } from "node:test";
import type { BackupRow } from "../support/judge.ts";
import { startFront } from "../support/nginx.ts";
import type { Session } from "../support/session.ts";
import { until } from "../support/wait.ts";
import { accepted, marked, refusedBy, serverFault, type Metadata, type Stage } from "./stage.ts";

const forceDelete = "volume_extension:backup_admin_actions:force_delete";
const resetStatus = "volume_extension:backup_admin_actions:reset_status";

export function backupsAreGuarded(stage: () => Stage): void {
  const answer = (...call: Parameters<Stage["answer"]>) => stage().answer(...call);
  const backupCalls = (id: string, session: Session) => ({
    remove: () => answer(session, "DELETE", `/backups/${id}`),
    update: (metadata: Metadata) => answer(session, "PUT", `/backups/${id}`, { backup: { metadata } }),
    rename: (name: string) => answer(session, "PUT", `/backups/${id}`, { backup: { name } }),
    forceDelete: () => answer(session, "POST", `/backups/${id}/action`, { "os-force_delete": {} }),
    reset: (status: string) => answer(session, "POST", `/backups/${id}/action`, { "os-reset_status": { status } }),
  });
  const assertUnchanged = async (before: BackupRow): Promise<void> =>
    assert.deepEqual(await stage().backup(before.id), before);

  it("a member's DELETE and PUT of an automated backup: 403, and it is unchanged", async () => {
    const row = await stage().newest();
    assert.equal(row.metadata["__automated_backup"], "True");
    const tried = backupCalls(row.id, stage().member);
    assert.deepEqual(await tried.remove(), refusedBy("backup:delete"));
    assert.deepEqual(await tried.update({}), refusedBy("backup:update"));
    assert.deepEqual(await tried.rename("mine"), refusedBy("backup:update"));
    await assertUnchanged(row);
  });

  it("of his own: works", async () => {
    const id = await stage().makeBackup(stage().member);
    const tried = backupCalls(id, stage().member);
    assert.equal((await tried.update({ a: "b" })).status, 200);
    assert.equal((await tried.rename("mine")).status, 200);
    assert.deepEqual((await stage().backup(id))?.metadata, { a: "b" });
    assert.deepEqual(await tried.remove(), accepted);
    await stage().backupGone(id);
  });

  it("with marks forged on his own: 403; works after dirigent disown", async () => {
    const id = await stage().makeBackup(stage().member, {
      ...marked,
      "dirigent:keep-until": "2099-01-01",
      kept: "his",
    });
    const tried = backupCalls(id, stage().member);
    assert.deepEqual(await tried.remove(), refusedBy("backup:delete"));
    assert.deepEqual(await tried.update({}), refusedBy("backup:update"));
    const disowned = await stage().dirigent.run("disown", id);
    assert.equal(disowned.code, 0, disowned.stderr);
    assert.deepEqual((await stage().backup(id))?.metadata, { kept: "his" });
    assert.deepEqual(await tried.remove(), accepted);
    await stage().backupGone(id);
  });

  it("with its marks lost, its creator decides: 403", async () => {
    const id = await stage().makeBackup(stage().conductor);
    assert.deepEqual((await stage().backup(id))?.metadata, {});
    const row = (await stage().backup(id))!;
    const tried = backupCalls(id, stage().member);
    assert.deepEqual(await tried.remove(), refusedBy("backup:delete"));
    assert.deepEqual(await tried.update({}), refusedBy("backup:update"));
    await assertUnchanged(row);
    assert.deepEqual(await backupCalls(id, stage().conductor).remove(), accepted);
    await stage().backupGone(id);
  });

  it("another project's member is answered as without us", async () => {
    const own = await stage().makeBackup(stage().member);
    const ids = [own, (await stage().newest()).id];
    const ask = async () =>
      Promise.all(
        ids.flatMap((id) => {
          const tried = backupCalls(id, stage().stranger);
          return [tried.remove(), tried.update({}), tried.forceDelete(), tried.reset("error")];
        }),
      );
    const withUs = await ask();
    await stage().takeOutPolicies();
    const withoutUs = await ask();
    await stage().putInPolicies();
    assert.deepEqual(withUs, withoutUs);
    for (const { status } of withUs) assert.ok(status === 404 || status === 403, String(status));
    assert.deepEqual(await backupCalls(own, stage().member).remove(), accepted);
    await stage().backupGone(own);
  });

  it("an admin's force-delete, reset, DELETE and PUT: 403 as it is by default, of users' own backups as without us", async () => {
    const row = await stage().newest();
    const tried = backupCalls(row.id, stage().cloud.admin);
    assert.deepEqual(await tried.forceDelete(), refusedBy(forceDelete));
    assert.deepEqual(await tried.reset("error"), refusedBy(resetStatus));
    assert.deepEqual(await tried.remove(), refusedBy("backup:delete"));
    assert.deepEqual(await tried.update({}), refusedBy("backup:update"));
    await assertUnchanged(row);

    const own = await stage().makeBackup(stage().member);
    const triedOwn = backupCalls(own, stage().cloud.admin);
    assert.deepEqual(await triedOwn.reset("error"), accepted);
    await until("the status is reset", async () => (await stage().backup(own))?.status === "error");
    assert.deepEqual(await triedOwn.forceDelete(), accepted);
    await stage().backupGone(own);
  });

  it("the conductor's rotation works", async () => {
    const before = await stage().automated();
    const { exitCode, stderr } = await stage().cycle(95_000);
    assert.equal(exitCode, 0, stderr);
    const after = await stage().automated();
    assert.deepEqual(
      { made: after.filter(({ id }) => before.every((old) => old.id !== id)).length, left: after.length },
      { made: 1, left: 1 },
    );
  });

  it("an admin may do it where the hook is configured so; a held one is deleted by nobody, until the hold is lifted", async () => {
    await stage().reconfigured({ admins_may_delete: true }, async () => {
      const held = await stage().makeBackup(stage().conductor, { ...marked, "dirigent:hold": "2026" });
      const [asAdmin, asConductor] = [backupCalls(held, stage().cloud.admin), backupCalls(held, stage().conductor)];
      assert.deepEqual(await asAdmin.forceDelete(), refusedBy(forceDelete));
      assert.deepEqual(await asAdmin.reset("error"), refusedBy(resetStatus));
      assert.deepEqual(await asAdmin.update(marked), refusedBy("backup:update"));
      assert.deepEqual(await asConductor.remove(), refusedBy("backup:delete"));
      assert.equal((await asConductor.update(marked)).status, 200);
      assert.deepEqual(await backupCalls(held, stage().member).remove(), refusedBy("backup:delete"));
      assert.deepEqual(await asAdmin.reset("error"), accepted);
      await until("the status is reset", async () => (await stage().backup(held))?.status === "error");
      assert.deepEqual(await asAdmin.forceDelete(), accepted);
      await stage().backupGone(held);
    });
  });

  it("the hook is stopped: users get 500, nothing is deleted, and rotation makes up for it later", async () => {
    const own = await stage().makeBackup(stage().member);
    await stage().stopHook();
    const row = (await stage().backup(own))!;
    const tried = backupCalls(own, stage().member);
    assert.deepEqual(await tried.remove(), serverFault);
    assert.deepEqual(await tried.update({}), serverFault);
    assert.deepEqual(await backupCalls(own, stage().cloud.admin).forceDelete(), serverFault);
    await assertUnchanged(row);

    const old = await stage().automated();
    const during = await stage().cycle(190_000, 4);
    const both = await stage().automated();
    assert.equal(both.length, old.length + 1, during.stderr);
    assert.deepEqual(
      both.filter(({ id }) => old.some((each) => each.id === id)),
      old,
    );
    await stage().startHook();
    const later = await stage().cycle(285_000);
    assert.equal(later.exitCode, 0, later.stderr);
    const left = await stage().automated();
    assert.ok(left.every(({ id }) => both.every((each) => each.id !== id)) && left.length === 1, JSON.stringify(left));
    assert.deepEqual(await tried.remove(), accepted);
    await stage().backupGone(own);
  });

  it("the hook hangs behind the nginx front: users get 403 all the same, and nothing is deleted", async () => {
    const own = await stage().makeBackup(stage().member);
    const row = (await stage().backup(own))!;
    const tried = backupCalls(own, stage().member);
    const front = await startFront([stage().port]);
    try {
      await stage().putInPoliciesAt(`http://127.0.0.1:${front.port}`);
      stage().signalHook("SIGSTOP");
      // Without the front Cinder would wait for as long as the hook hangs.
      assert.deepEqual(await tried.remove(), refusedBy("backup:delete"));
      assert.deepEqual(await backupCalls(own, stage().cloud.admin).forceDelete(), refusedBy(forceDelete));
      await assertUnchanged(row);
      stage().signalHook("SIGCONT");
      await until("the front asks the hook again", async () => (await tried.remove()).status === 202);
      await stage().backupGone(own);
    } finally {
      stage().signalHook("SIGCONT");
      await stage().putInPolicies();
      await front.stop();
    }
  });
}
