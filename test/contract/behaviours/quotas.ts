import assert from "node:assert/strict";
import { at, fields, text } from "../driver.ts";
import {
  assertFault,
  assertOverLimit,
  assertStatus,
  behaviour,
  type Behaviour,
  isGone,
  newBackup,
  newSnapshot,
  newVolume,
  postBackup,
} from "../objects.ts";
import type { Caller, Stage } from "../stage.ts";

const setQuota = (stage: Stage, tenant: Caller, quota_set: Record<string, number>) =>
  stage.storage(stage.ops, "PUT", `/os-quota-sets/${tenant.projectId}`, { quota_set });

/** A project with one volume of 1 GiB in it. */
async function tenantWithVolume(stage: Stage): Promise<{ tenant: Caller; volumeId: string }> {
  const tenant = await stage.newTenant("quota");
  return { tenant, volumeId: await newVolume(stage, tenant) };
}

async function usage(stage: Stage, tenant: Caller): Promise<unknown[]> {
  const shown = await stage.storage(tenant, "GET", `/os-quota-sets/${tenant.projectId}?usage=true`);
  assertStatus(shown, 200);
  return ["volumes", "gigabytes", "snapshots", "backups", "backup_gigabytes"].map((name) =>
    at(shown.body, `quota_set.${name}.in_use`),
  );
}

export const quotas: readonly Behaviour[] = [
  behaviour("a member sees limits and usage of his own project, and of no other", async (stage) => {
    const { tenant } = await tenantWithVolume(stage);
    const shown = await stage.storage(tenant, "GET", `/os-quota-sets/${tenant.projectId}?usage=true`);
    assertStatus(shown, 200);
    assert.deepEqual(fields(at(shown.body, "quota_set.backups")), ["in_use", "limit", "reserved"]);
    assert.equal(at(shown.body, "quota_set.id"), tenant.projectId);
    const own = [
      "volumes",
      "per_volume_gigabytes",
      "snapshots",
      "gigabytes",
      "backups",
      "backup_gigabytes",
      "groups",
      "gigabytes_fast",
    ];
    assert.deepEqual(
      own.filter((name) => !fields(at(shown.body, "quota_set")).includes(name)),
      [],
    );
    const other = await stage.storage(tenant, "GET", `/os-quota-sets/${stage.owner.projectId}?usage=true`);
    assertFault(other, 403, "forbidden", "Policy doesn't allow volume_extension:quotas:show to be performed.");
  }),
  behaviour("without usage the quota set is bare numbers", async (stage) => {
    const tenant = await stage.newTenant("quota");
    assertStatus(await setQuota(stage, tenant, { backups: 7 }), 200);
    const shown = await stage.storage(tenant, "GET", `/os-quota-sets/${tenant.projectId}`);
    assert.equal(at(shown.body, "quota_set.backups"), 7);
  }),
  behaviour("usage grows with volumes, snapshots and backups and shrinks when they are gone", async (stage) => {
    const { tenant, volumeId } = await tenantWithVolume(stage);
    assert.deepEqual(await usage(stage, tenant), [1, 1, 0, 0, 0]);
    await newSnapshot(stage, tenant, volumeId);
    const id = await newBackup(stage, tenant, volumeId);
    assert.deepEqual(await usage(stage, tenant), [1, 2, 1, 1, 1]);
    await stage.storage(tenant, "DELETE", `/backups/${id}`);
    await isGone(stage, tenant, `/backups/${id}`);
    await stage.until(
      "usage to shrink",
      () => stage.storage(tenant, "GET", `/os-quota-sets/${tenant.projectId}?usage=true`),
      (a) => at(a.body, "quota_set.backups.in_use") === 0,
    );
    assert.deepEqual(await usage(stage, tenant), [1, 2, 1, 0, 0]);
  }),
  behaviour("only an administrator sets quotas", async (stage) => {
    const tenant = await stage.newTenant("quota");
    const answer = await stage.storage(tenant, "PUT", `/os-quota-sets/${tenant.projectId}`, {
      quota_set: { backups: 1 },
    });
    assertFault(answer, 403, "forbidden", "Policy doesn't allow volume_extension:quotas:update to be performed.");
    assertStatus(await setQuota(stage, tenant, { backups: 1 }), 200);
    assertStatus(await stage.storage(stage.ops, "DELETE", `/os-quota-sets/${tenant.projectId}`), 200);
  }),
  behaviour("one backup too many is a 413 with Retry-After: 0, and the volume stays available", async (stage) => {
    const { tenant, volumeId } = await tenantWithVolume(stage);
    await setQuota(stage, tenant, { backups: 1 });
    await newBackup(stage, tenant, volumeId);
    assertOverLimit(
      await postBackup(stage, tenant, { volume_id: volumeId }),
      "BackupLimitExceeded: Maximum number of backups allowed (1) exceeded",
    );
    assert.equal(at((await stage.storage(tenant, "GET", `/volumes/${volumeId}`)).body, "volume.status"), "available");
  }),
  behaviour("too many gigabytes of backups are a 413", async (stage) => {
    const { tenant, volumeId } = await tenantWithVolume(stage);
    await setQuota(stage, tenant, { backup_gigabytes: 1 });
    await newBackup(stage, tenant, volumeId);
    const message =
      "VolumeBackupSizeExceedsAvailableQuota: Requested backup exceeds allowed Backup gigabytes quota. Requested 1G, quota is 1G and 1G has been consumed.";
    assertOverLimit(await postBackup(stage, tenant, { volume_id: volumeId }), message);
  }),
  behaviour("a backup by an administrator counts on his own project's quota", async (stage) => {
    const { tenant, volumeId } = await tenantWithVolume(stage);
    await setQuota(stage, tenant, { backups: 0 });
    await newBackup(stage, stage.ops, volumeId);
    assert.deepEqual(await usage(stage, tenant), [1, 1, 0, 0, 0]);
  }),
  behaviour("one snapshot too many is a 413", async (stage) => {
    const { tenant, volumeId } = await tenantWithVolume(stage);
    await setQuota(stage, tenant, { snapshots: 0 });
    const answer = await stage.storage(tenant, "POST", "/snapshots", { snapshot: { volume_id: volumeId } });
    assertOverLimit(answer, "SnapshotLimitExceeded: Maximum number of snapshots allowed (0) exceeded");
  }),
  behaviour("too many gigabytes are a 413 for volumes and for snapshots", async (stage) => {
    const { tenant, volumeId } = await tenantWithVolume(stage);
    await setQuota(stage, tenant, { gigabytes: 1 });
    const message =
      "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested 1G, quota is 1G and 1G has been consumed.";
    assertOverLimit(await stage.storage(tenant, "POST", "/volumes", { volume: { size: 1 } }), message);
    assertOverLimit(await stage.storage(tenant, "POST", "/snapshots", { snapshot: { volume_id: volumeId } }), message);
  }),
  behaviour("a volume type has limits of its own, which count after the project's", async (stage) => {
    const { tenant, volumeId } = await tenantWithVolume(stage);
    const post = () => stage.storage(tenant, "POST", "/snapshots", { snapshot: { volume_id: volumeId } });
    assertStatus(await setQuota(stage, tenant, { snapshots_fast: 0 }), 200);
    const shown = await stage.storage(tenant, "GET", `/os-quota-sets/${tenant.projectId}?usage=true`);
    assert.deepEqual(at(shown.body, "quota_set.snapshots_fast"), { limit: 0, in_use: 0, reserved: 0 });
    assert.deepEqual(at(shown.body, "quota_set.gigabytes_fast"), { limit: -1, in_use: 1, reserved: 0 });
    assertOverLimit(await post(), "SnapshotLimitExceeded: Maximum number of snapshots allowed (0) exceeded");
    assertStatus(await setQuota(stage, tenant, { snapshots_fast: -1, gigabytes_fast: 1 }), 200);
    const message =
      "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes_fast quota. Requested 1G, quota is 1G and 1G has been consumed.";
    assertOverLimit(await post(), message);
  }),
  behaviour("one volume too many is a 413", async (stage) => {
    const { tenant } = await tenantWithVolume(stage);
    await setQuota(stage, tenant, { volumes: 1 });
    const answer = await stage.storage(tenant, "POST", "/volumes", { volume: { size: 1 } });
    assertOverLimit(answer, "VolumeLimitExceeded: Maximum number of volumes allowed (1) exceeded for quota 'volumes'.");
  }),
  behaviour("a restore to a new volume over the gigabytes is a 413 in other words", async (stage) => {
    const { tenant, volumeId } = await tenantWithVolume(stage);
    const id = await newBackup(stage, tenant, volumeId);
    await setQuota(stage, tenant, { gigabytes: 1 });
    const answer = await stage.storage(tenant, "POST", `/backups/${id}/restore`, { restore: {} });
    assertOverLimit(
      answer,
      "Requested volume or snapshot exceeds allowed gigabytes quota. Requested 1G, quota is 1G and 1G has been consumed.",
    );
    assert.equal(text((await stage.storage(tenant, "GET", `/backups/${id}`)).body, "backup.status"), "available");
  }),
  behaviour("an unknown quota is a 400", async (stage) => {
    const tenant = await stage.newTenant("quota");
    const answer = await setQuota(stage, tenant, { nonsense: 1 });
    assertStatus(answer, 400);
    assert.ok(text(answer.body, "badRequest.message").includes("Bad key(s) in quota set: nonsense"));
  }),
];
