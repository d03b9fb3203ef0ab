import { snapSentryKinds } from "../domain/peers/snapsentry-keys.ts";
import type { Command } from "./command.ts";
import { adoptCommand } from "./commands/adopt.ts";
import { auditCommand } from "./commands/audit.ts";
import { backupsDelete } from "./commands/backups-delete.ts";
import { backupsList } from "./commands/backups-list.ts";
import { backupsShow } from "./commands/backups-show.ts";
import { completionCommand } from "./commands/completion.ts";
import { conductorCommand } from "./commands/conductor.ts";
import { compressionCheck } from "./commands/compression-check.ts";
import { compressionShow } from "./commands/compression-show.ts";
import { configCheck } from "./commands/config-check.ts";
import { configReference } from "./commands/config-reference.ts";
import { configShow } from "./commands/config-show.ts";
import { dbMigrate } from "./commands/db-migrate.ts";
import { dbStatus } from "./commands/db-status.ts";
import { demo } from "./commands/demo.ts";
import { disownCommand } from "./commands/disown.ts";
import { doctorPolicyCommand } from "./commands/doctor-policy.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { explainCommand } from "./commands/explain.ts";
import { holdCommand } from "./commands/hold.ts";
import { planCommand } from "./commands/plan.ts";
import { policiesCheck } from "./commands/policies-check.ts";
import { policiesShow } from "./commands/policies-show.ts";
import { policyCommand } from "./commands/policy.ts";
import { protectCommand } from "./commands/protect.ts";
import { pruneCommand } from "./commands/prune.ts";
import { rebuildCommand } from "./commands/rebuild.ts";
import { releaseCommand } from "./commands/release.ts";
import { reportList } from "./commands/report-list.ts";
import { reportSend } from "./commands/report-send.ts";
import { reportShow } from "./commands/report-show.ts";
import { createSnapshotsCommand, expireSnapshotsCommand, runCommand } from "./commands/run.ts";
import { snapshotsForceDelete } from "./commands/snapshots-force-delete.ts";
import { subscribeCommand } from "./commands/subscribe.ts";
import { rulesPreview } from "./commands/rules-preview.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { unholdCommand } from "./commands/unhold.ts";
import { unsubscribeCommand } from "./commands/unsubscribe.ts";

/** Every command there is, in the order of the help. Also what completion and man pages are made of. */
export const commands: readonly Command[] = [
  demo,
  conductorCommand,
  runCommand,
  policyCommand,
  planCommand,
  explainCommand,
  policiesCheck,
  policiesShow,
  rulesPreview,
  simulateCommand,
  protectCommand,
  ...snapSentryKinds.map(subscribeCommand),
  unsubscribeCommand,
  createSnapshotsCommand,
  expireSnapshotsCommand,
  backupsList,
  backupsShow,
  backupsDelete,
  holdCommand,
  unholdCommand,
  adoptCommand,
  releaseCommand,
  disownCommand,
  snapshotsForceDelete,
  pruneCommand,
  rebuildCommand,
  reportList,
  reportShow,
  reportSend,
  auditCommand,
  doctorCommand,
  doctorPolicyCommand,
  compressionShow,
  compressionCheck,
  configCheck,
  configShow,
  configReference,
  dbMigrate,
  dbStatus,
  completionCommand,
];
