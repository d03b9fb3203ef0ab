import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { fileFooter, fileHeader, fileLine } from "../../../src/domain/catalogue-file.ts";
import { volumes, type SnapshotRow } from "../support/judge.ts";
import type { Session } from "../support/session.ts";
import { until } from "../support/wait.ts";
import { accepted, marked, refusedBy, type Stage } from "./stage.ts";

export function snapshotsAreGuarded(stage: () => Stage): void {
  const answer = (...call: Parameters<Stage["answer"]>) => stage().answer(...call);
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
    assert.deepEqual(await stage().snapshot(row.id), row);
  };

  it("a member's calls on an automated one: 403, marked or created by us, and it is unchanged; the conductor's rotation works", async () => {
    for (const metadata of [marked, { a: "its marks are lost" }]) {
      const row = await stage().makeSnapshot(stage().conductor, metadata);
      await assertRefused(row, stage().member);
      assert.deepEqual(await calls(row, stage().conductor).remove(), accepted);
      await stage().snapshotGone(row.id);
    }
  });

  it("of his own: works; with marks forged: 403, and works after it was disowned", async () => {
    const own = await stage().makeSnapshot(stage().member, { a: "b" });
    const tried = calls(own, stage().member);
    const seen = [tried.rename, tried.addMetadata, tried.setKey, () => tried.removeKey("a"), tried.setMetadata];
    for (const call of seen) assert.equal((await call()).status, 200);
    assert.deepEqual(await tried.remove(), accepted);
    await stage().snapshotGone(own.id);

    const forged = await stage().makeSnapshot(stage().member, { ...marked, "dirigent:hold": "forged", kept: "his" });
    await assertRefused(forged, stage().member);
    const disowned = await stage().dirigent.run("disown", "--snapshot", forged.id);
    assert.equal(disowned.code, 0, disowned.stderr);
    assert.deepEqual((await stage().snapshot(forged.id))?.metadata, { kept: "his" });
    assert.deepEqual(await calls(forged, stage().member).remove(), accepted);
    await stage().snapshotGone(forged.id);
  });

  it("an admin's force-delete, reset and unmanage: 403 as it is by default; another project's member: as without us", async () => {
    const row = await stage().makeSnapshot(stage().conductor, marked);
    await assertRefused(row, stage().cloud.admin);
    const asAdmin = calls(row, stage().cloud.admin);
    const admin = "volume_extension:snapshot_admin_actions";
    assert.deepEqual(await asAdmin.forceDelete(), refusedBy(`${admin}:force_delete`));
    assert.deepEqual(await asAdmin.reset(), refusedBy(`${admin}:reset_status`));
    assert.deepEqual(await asAdmin.unmanage(), refusedBy("snapshot_extension:snapshot_unmanage"));
    const asStranger = calls(row, stage().stranger);
    const ask = async () => [await asStranger.remove(), await asStranger.setMetadata(), await asStranger.forceDelete()];
    const withUs = await ask();
    await stage().takeOutPolicies();
    assert.deepEqual(withUs, await ask());
    await stage().putInPolicies();
    assert.deepEqual(await stage().snapshot(row.id), row);
    assert.deepEqual(await calls(row, stage().conductor).remove(), accepted);
    await stage().snapshotGone(row.id);
  });

  it("an admin may do it where the hook is configured so; a held one is deleted by nobody, until the hold is lifted", async () => {
    await stage().reconfigured({ admins_may_delete: true }, async () => {
      const { cloud, conductor, member } = stage();
      const held = await stage().makeSnapshot(conductor, { ...marked, "dirigent:hold": "2026" });
      const asAdmin = calls(held, cloud.admin);
      const admin = "volume_extension:snapshot_admin_actions";
      await assertRefused(held, member);
      assert.deepEqual(await asAdmin.forceDelete(), refusedBy(`${admin}:force_delete`));
      assert.deepEqual(await asAdmin.reset(), refusedBy(`${admin}:reset_status`));
      assert.deepEqual(await calls(held, conductor).remove(), refusedBy("volume:delete_snapshot"));
      assert.deepEqual(await stage().snapshot(held.id), held);
      assert.equal((await calls(held, conductor).removeKey("dirigent:hold")).status, 200);
      assert.deepEqual(await calls(held, member).remove(), refusedBy("volume:delete_snapshot"));
      assert.deepEqual(await asAdmin.reset(), accepted);
      assert.deepEqual(await asAdmin.forceDelete(), accepted);
      await stage().snapshotGone(held.id);
    });
  });

  it("a volume that changes hands takes its snapshots along, creator and all: their marks guard them still", async () => {
    const { cloud, conductor, member, stranger } = stage();
    const { volume } = await member.call<{ volume: { id: string } }>("POST", "volumev3", "/volumes", {
      volume: { size: 1, name: "hook-transferred" },
    });
    const status = async () =>
      (await cloud.admin.call<{ volume: { status: string } }>("GET", "volumev3", `/volumes/${volume.id}`)).volume
        .status;
    await until("the volume is available", async () => (await status()) === "available");
    const row = await stage().makeSnapshot(conductor, marked, volume.id);
    const { transfer } = await member.call<{ transfer: { id: string; auth_key: string } }>(
      "POST",
      "volumev3",
      "/volume-transfers",
      { transfer: { volume_id: volume.id } },
    );
    const accept = { accept: { auth_key: transfer.auth_key } };
    await stranger.call("POST", "volumev3", `/volume-transfers/${transfer.id}/accept`, accept);
    const taken = (await stage().snapshot(row.id))!;
    const { user_id: creator } = taken as SnapshotRow & { user_id: string };
    assert.deepEqual(
      { creator, project: taken["os-extended-snapshot-attributes:project_id"], metadata: taken.metadata },
      { creator: stranger.userId, project: stranger.projectId, metadata: marked },
    );
    await assertRefused(taken, stranger);
    const there = await cloud.login(stage().writer.login, { projectId: stranger.projectId });
    assert.deepEqual(await calls(taken, there).remove(), accepted);
    await stage().snapshotGone(row.id);
  });

  it("a cascade goes round them, unless volume:delete is guarded as well, from the catalogue", async () => {
    const { cloud, conductor, directory, member } = stage();
    const makeVolume = async (): Promise<string> => {
      const body = { volume: { size: 1, name: "hook-cascade" } };
      const { volume } = await member.call<{ volume: { id: string } }>("POST", "volumev3", "/volumes", body);
      await until("the volume is available", async () => {
        const path = `/volumes/${volume.id}`;
        const seen = await cloud.admin.call<{ volume: { status: string } }>("GET", "volumev3", path);
        return seen.volume.status === "available";
      });
      return volume.id;
    };
    const cascade = (id: string) => answer(member, "DELETE", `/volumes/${id}?cascade=true`);
    const [unguarded, other] = [await makeVolume(), await makeVolume()];
    const lost = await stage().makeSnapshot(conductor, marked, unguarded);
    assert.deepEqual(await cascade(unguarded), accepted);
    await stage().snapshotGone(lost.id);

    const guarded = await makeVolume();
    const kept = await stage().makeSnapshot(conductor, marked, guarded);
    const file = join(directory, "catalogue");
    await writeFile(
      file,
      fileHeader(new Date()) +
        fileLine({ id: kept.id, kind: "snapshot", volumeId: guarded, held: false }) +
        fileFooter(1),
    );
    await stage().putInPolicies("dirigent-zed.yaml", "dirigent-volume-delete.yaml");
    await stage().reconfigured({ catalogue: { file }, guard_volume_delete: true }, async () => {
      assert.deepEqual(await cascade(guarded), refusedBy("volume:delete"));
      assert.deepEqual(await stage().snapshot(kept.id), kept);
      assert.deepEqual(await cascade(other), accepted);
      // The conductor's own deletion has the catalogue's consent, too.
      assert.deepEqual(await calls(kept, conductor).remove(), accepted);
      await stage().snapshotGone(kept.id);
    });
    await stage().takeOutPolicies();
    await stage().putInPolicies();
    assert.deepEqual(await cascade(guarded), accepted);
    const rest = [unguarded, other, guarded];
    await until("the volumes are gone", async () => (await volumes(cloud.admin)).every(({ id }) => !rest.includes(id)));
  });
}
