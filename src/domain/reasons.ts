import type { Mechanism } from "./inventory.ts";

/**
 * Why something was created, skipped, kept, deleted or failed. One closed union: every operation row, plan line and mail carries one of
 * these, with a text for operators and one for tenants (who never see hosts, paths or raw service messages). Where both speak of backups, the other two
 * say it of snapshots.
 */
export const reasons = {
  // creating
  due: ["its slot is due", "It was due."],
  full_first: ["no backup of ours to build on", "First backup of this volume."],
  full_chain_limit: ["the chain has reached full_every", "Regular full backup."],
  full_parent_not_good: [
    "the newest backup is not a good one of ours",
    "Full backup, because the one before cannot be built on.",
  ],
  full_foreign_parent: [
    "the newest backup of the volume is not ours",
    "Full backup, because a backup of your own came in between.",
  ],
  full_unknown_parent: [
    "the parent of the newest backup is unknown",
    "Full backup, because the chain before is not known for certain.",
  ],
  full_snapshot_backup: [
    "the volume has a backup made from a snapshot",
    "Full backup, because a backup made from a snapshot exists.",
  ],
  full_resized: ["the volume was resized", "Full backup, because the volume was resized."],
  full_retyped: ["the volume type changed", "Full backup, because the volume type changed."],
  full_archive: ["its turn to be an archive", "Full backup for the archive."],
  full_after_adopted: [
    "the newest backup was adopted; nothing of ours builds on what others made",
    "Full backup, because the one before was taken over.",
  ],
  full_after_archive: ["nothing builds on an archive", "Full backup, because the one before went to the archive."],
  archive_refused: [
    "Cinder refused the archive's container or zone, so it goes where the others are",
    "The archive was not possible; a usual full backup was made.",
  ],
  snapshot: ["a snapshot, as its policy says", "Snapshot."],
  full_chain_age: ["the chain is as old as maximum_chain_age allows", "Regular full backup."],
  incremental: ["incremental on the newest backup of ours", "Incremental backup."],
  // skipping
  not_due: ["done for this slot", "Already done."],
  not_yet: ["its start within the slot is spread out", "It begins a little later."],
  excluded: ["left out by the operators", "The operators have left it out."],
  too_soon: [
    "the newest backup is younger than minimum_interval",
    "The newest backup is very recent.",
    "the newest snapshot is younger than minimum_interval",
    "The newest snapshot is very recent.",
  ],
  skip_requested: ["the volume asks to be skipped", "Skipped at your request."],
  volume_missing: ["the attached volume is not in Cinder's listing", "The volume was not found."],
  volume_state: [
    "the volume's state does not allow a backup",
    "The volume was in a state that does not allow a backup.",
    "the volume's state does not allow a snapshot",
    "The volume was in a state that does not allow a snapshot.",
  ],
  server_state: [
    "the server is being built, deleted or in error",
    "The server was in a state that does not allow a backup.",
    "the server is being built, deleted or in error",
    "The server was in a state that does not allow a snapshot.",
  ],
  shared_volume: [
    "backed up once, with the first of its servers",
    "Backed up once for all its servers.",
    "snapshotted once, with the first of its servers",
    "Snapshotted once for all its servers.",
  ],
  no_volumes: [
    "the server has no volumes",
    "The server has no volumes; its local disk is not backed up.",
    "the server has no volumes",
    "The server has no volumes; its local disk is not snapshotted.",
  ],
  foreign_volume: ["the volume belongs to another project than its server", "The volume belongs to another project."],
  still_running: [
    "an earlier backup of the volume has not ended",
    "An earlier backup is still running.",
    "earlier work on the volume has not ended",
    "An earlier backup or snapshot is still running.",
  ],
  window_missed: ["the window had passed before the work could start", "There was no time left to start it."],
  // failing
  volume_limit: ["the project's volume limit is reached", "The limit of volumes for this project is reached."],
  over_quota: [
    "the project's backup quota is exceeded",
    "The project's backup quota is exceeded.",
    "the project's quota has no room for the snapshot",
    "The project's quota has no room for the snapshot.",
  ],
  refused: ["Cinder refused the request", "The backup service refused the request."],
  no_project_access: ["the writer gets no token for the project", "The backup service has no access to this project."],
  unavailable: ["the service did not answer", "The backup service was not available."],
  ended_in_error: [
    "the backup ended in error",
    "The backup failed.",
    "the snapshot ended in error",
    "The snapshot failed.",
  ],
  wrong_size: [
    "the backup's size is not its source's",
    "The backup is incomplete.",
    "the snapshot's size is not its source's",
    "The snapshot is incomplete.",
  ],
  archive_wrong_zone: [
    "the archive is not in the availability zone that was asked for",
    "The backup is complete, but not in the place meant for archives.",
  ],
  vanished: [
    "the object is gone and we did not delete it",
    "The backup disappeared.",
    "the object is gone and we did not delete it",
    "The snapshot disappeared.",
  ],
  stuck: [
    "not finished within its deadline",
    "The backup takes unusually long.",
    "not finished within its deadline",
    "The snapshot takes unusually long.",
  ],
  answer_lost: ["the answer to the request was lost; looked up by key", "The request is being checked."],
  internal: ["an unexpected failure", "An unexpected failure."],
  // completing
  succeeded: ["complete", "Complete."],
  adopted: ["made before, and found again by its key", "Complete."],
  foreign_parent_found: [
    "Cinder built it on a backup that is not ours",
    "Built on a backup of your own; the next one is full.",
  ],
  parent_unknown: ["its parent could not be found", "The next one is full."],
  duplicate: ["a second backup with the same key", "An additional copy exists."],
  forged: ["marked as automated but not created by us", "A backup of your own carries our marks."],
  unmarked: ["created by us but not marked", "An automated backup has lost its marks."],
  set_complete: [
    "all volumes of the server have their snapshots of the slot",
    "All volumes of the server were snapshotted together.",
  ],
  set_partial: [
    "not all volumes of the server have their snapshots of the slot",
    "Not all volumes of the server were snapshotted.",
  ],
  // temporary snapshots
  temporary: [
    "a temporary snapshot that a backup is made from",
    "A snapshot that lasts as long as its backup is made.",
  ],
  ordinary_type: [
    "backed up the ordinary way: from_snapshot_types does not name its volume type",
    "Backed up at its own time, as its volume type does not allow it together with the others.",
  ],
  ordinary_no_evidence: [
    "backed up the ordinary way: no full backup of ours shows yet that the backup driver writes in chunks",
    "Backed up at its own time; from the next backup on together with the others.",
  ],
  ordinary_ceph: [
    "backed up the ordinary way: a backup of it looks as Ceph's driver makes them",
    "Backed up at its own time, as the backup service does not allow it together with the others.",
  ],
  ordinary_doubt: [
    "backed up the ordinary way: another backup of it was made from a snapshot, and failed or is not ours",
    "Backed up at its own time, because of another backup that was made from a snapshot.",
  ],
  ordinary_behind: [
    "backed up the ordinary way: another policy backs it up first",
    "Backed up at its own time, after another backup of it.",
  ],
  temporary_failed: [
    "its temporary snapshot could not be had, so it is backed up the ordinary way",
    "Backed up at its own time, as the snapshot for it failed.",
  ],
  temporary_left: [
    "a temporary snapshot is left over that the database knows nothing of; look at it and delete it",
    "A snapshot of ours was left over.",
  ],
  server_mark_refused: [
    "Nova refused to write last-backup-time",
    "The time of the backup could not be noted on the server.",
  ],
  // keeping
  keep_age: ["younger than its retention", "Within its retention time."],
  keep_promised: ["its keep-until has not passed", "Kept until the date promised."],
  keep_archive: ["an archive, within its own retention", "An archive, within its retention time."],
  keep_last: ["one of the last that its policy keeps", "One of the last that are kept."],
  keep_hourly: ["the newest of its hour", "Kept as an hourly backup."],
  keep_daily: ["the newest of its day", "Kept as a daily backup."],
  keep_weekly: ["the newest of its week", "Kept as a weekly backup."],
  keep_monthly: ["the newest of its month", "Kept as a monthly backup."],
  keep_yearly: ["the newest of its year", "Kept as a yearly backup."],
  keep_minimum: ["among the newest that always stay", "One of the newest, which always stay."],
  keep_unreadable: ["its mark of the retention cannot be read", "Kept because its retention cannot be read."],
  keep_policy_gone: [
    "its policy is gone, and nothing says how long it was to stay",
    "Kept because its policy does not exist any more.",
  ],
  keep_adopted: ["adopted without a retention", "Taken over, and kept until a retention is set."],
  keep_newest_good: ["the newest good chain of the volume", "The newest good backup is always kept."],
  keep_last_of_gone: ["the last chain of a volume that is gone", "The last backups of a deleted volume are kept."],
  keep_chain: ["another member of its chain is wanted", "Needed by another backup."],
  keep_held: ["held", "On hold."],
  keep_running: ["not finished", "Not finished."],
  keep_unverified: ["its parent is not known for certain", "Kept until its dependencies are known."],
  keep_has_children: ["another backup depends on it", "Another backup depends on it."],
  keep_has_volumes: [
    "a volume was made from the snapshot",
    "A volume was made from this snapshot; it is kept as long as that exists.",
  ],
  keep_pace: ["expired; waits its turn", "Expired, will be removed soon."],
  keep_no_good: ["the volume has no good backup at all", "Kept because there is no other good backup."],
  keep_failed: ["failed, and no good one has followed", "A failed backup, kept until a good one follows."],
  keep_shared_image: [
    "failed, made from a snapshot; with Ceph its image is another backup's, too",
    "Kept because another backup may share its data.",
  ],
  // deleting
  expired: ["its chain has expired", "Expired."],
  thinned: ["newer ones have taken its place", "Replaced by newer ones."],
  failed_superseded: ["failed, and a good one has followed", "A failed backup was removed."],
  delete_failed: ["the deletion did not complete", "Could not be removed."],
  // at an operator's wish
  removed: ["deleted at an operator's wish", "Removed by the operators."],
  forced: ["deleted by force at an operator's wish", "Removed by the operators."],
  not_stuck: ["it is not stuck", "It is not stuck."],
  pruned: ["the last chain of a volume that is gone, pruned", "The last backups of a deleted volume were removed."],
  held: ["put on hold", "Put on hold."],
  unheld: ["its hold was lifted", "No longer on hold."],
  not_held: ["it was not held", "It was not on hold."],
  disowned: ["its marks were removed", "No longer looked after."],
  not_marked: ["it carries no mark of ours", "It is not looked after."],
  not_ours: ["not created by the conductor", "It is not an automated backup."],
  taken_over: ["adopted: ours from now on", "Looked after from now on."],
  already_ours: ["it is ours already", "It is looked after already."],
  other_creator: ["somebody else created it than was named", "Somebody else created it."],
  parent_not_adopted: [
    "it is built on a backup that is neither ours nor adopted with it",
    "It is built on a backup that is not looked after.",
  ],
  parent_missing: ["none of the volume's backups is what it is built on", "What it is built on was not found."],
  made_from_snapshot: ["made from a snapshot, so that its data may be shared", "It was made from a snapshot."],
  not_finished: ["it is not available", "It is not complete."],
  no_such_policy: ["there is no policy of that name", "There is no such policy."],
  no_retention_known: ["nothing says how long it is to be kept", "It is not known how long it is to be kept."],
  released: ["released by its owner", "Removed at your request."],
  no_such_point: ["there is no such backup or snapshot", "There is no such backup or snapshot."],
  no_such_backup: ["there is no such backup", "There is no such backup."],
  no_such_snapshot: ["there is no such snapshot", "There is no such snapshot."],
  source_exists: ["its volume is not gone", "Its volume still exists."],
  not_confirmed: ["not among those that were shown before", "It was not asked for."],
  order_expired: ["nobody began with it in time", "It was not begun in time."],
  rebuilt: ["the catalogue was compared with Cinder", "The list of backups was checked."],
  // not deleting, for a whole project or cloud
  partial_scan: ["the scan was incomplete", "Nothing was removed."],
  unproven_reader: ["the reader's rights are not proven", "Nothing was removed."],
  clock_jump: ["the clock cannot be trusted", "Nothing was removed."],
  brake: ["more would be deleted than a normal night explains", "Nothing was removed; the operators were told."],
  // requests of tenants
  request_invalid: [
    "what is asked for is not valid; the policy stays as it is",
    "What you asked for is not valid, so nothing changes.",
  ],
  request_bounded: ["the requested retention is below the minimum", "The requested retention is below the minimum."],
  release_requested: [
    "the owner releases the volume's automated snapshots",
    "No new snapshots are made, and those there are will be removed, as you asked.",
  ],
  protection_ended: [
    "backed up in the slot before; its server's tag was taken away, or it was detached",
    "No longer backed up: the server's tag was taken away, or the volume was detached.",
  ],
  policies_invalid: [
    "the files of policies or rules are not valid; the last good ones are in force",
    "The rules of protection are as they were before.",
  ],
  policies_changed: ["the files of policies or rules have changed", "The rules of protection have changed."],
  request_waits: ["a shorter retention takes effect later", "The shorter retention takes effect later."],
} as const satisfies Record<
  string,
  | readonly [operator: string, tenant: string]
  | readonly [operator: string, tenant: string, snapshotOperator: string, snapshotTenant: string]
>;

export type Reason = keyof typeof reasons;

/** Why counts keep a point. */
export const countedKeeps = [
  "keep_last",
  "keep_hourly",
  "keep_daily",
  "keep_weekly",
  "keep_monthly",
  "keep_yearly",
  "keep_minimum",
] as const satisfies readonly Reason[];

/** @param mechanism what it is said of */
export const operatorText = (reason: Reason, mechanism: Mechanism = "backup"): string => {
  const [text, , ofSnapshot = text] = reasons[reason];
  return mechanism === "snapshot" ? ofSnapshot : text;
};

/** @param mechanism what it is said of */
export const tenantText = (reason: Reason, mechanism: Mechanism = "backup"): string => {
  const [, text, , ofSnapshot = text] = reasons[reason];
  return mechanism === "snapshot" ? ofSnapshot : text;
};
