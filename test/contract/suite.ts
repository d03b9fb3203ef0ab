import { backupLists } from "./behaviours/backup-lists.ts";
import { backups } from "./behaviours/backups.ts";
import { chains } from "./behaviours/chains.ts";
import { backupMarks } from "./behaviours/marks.ts";
import { microversions } from "./behaviours/microversions.ts";
import { quotas } from "./behaviours/quotas.ts";
import { restores } from "./behaviours/restores.ts";
import { roles } from "./behaviours/roles.ts";
import { servers } from "./behaviours/servers.ts";
import { services } from "./behaviours/services.ts";
import { snapshots } from "./behaviours/snapshots.ts";
import { tokens } from "./behaviours/tokens.ts";
import { volumes } from "./behaviours/volumes.ts";
import type { Behaviour } from "./objects.ts";

/** What is asked of Keystone, one after another: its in-memory cache mixes up roles under many hands at once. */
export const identityBehaviours: readonly Behaviour[] = [...tokens, ...roles];

export const serviceBehaviours: readonly Behaviour[] = [
  ...microversions,
  ...servers,
  ...volumes,
  ...backups,
  ...chains,
  ...restores,
  ...backupMarks,
  ...backupLists,
  ...quotas,
  ...snapshots,
  ...services,
];

/** Everything both clouds are held to. */
export const allBehaviours: readonly Behaviour[] = [...identityBehaviours, ...serviceBehaviours];
