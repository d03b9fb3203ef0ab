import { isMarked, readMarks } from "./marks.ts";

/**
 * What the policy hook decides (design, "The policy hook"): whether a caller whom Cinder's own rules let through may touch an object. Pure; the
 * hook asks for one decision a request.
 */
export type GuardedKind = "backup" | "snapshot" | "volume";
export type GuardedAction = "delete" | "update";

interface GuardedRule {
  readonly kind: GuardedKind;
  readonly action: GuardedAction;
}

const guarded = (kind: GuardedKind, action: GuardedAction): GuardedRule => ({ kind, action });

/** Cinder's rules that the hook knows, as oslo.policy names them in `rule`. Zed to 2026.1 name them alike. */
const rules: ReadonlyMap<string, GuardedRule> = new Map([
  ["backup:delete", guarded("backup", "delete")],
  ["backup:update", guarded("backup", "update")],
  ["volume_extension:backup_admin_actions:force_delete", guarded("backup", "delete")],
  ["volume_extension:backup_admin_actions:reset_status", guarded("backup", "update")],
  ["volume:delete_snapshot", guarded("snapshot", "delete")],
  ["volume:update_snapshot", guarded("snapshot", "update")],
  ["volume:update_snapshot_metadata", guarded("snapshot", "update")],
  ["volume:delete_snapshot_metadata", guarded("snapshot", "update")],
  ["volume_extension:snapshot_admin_actions:force_delete", guarded("snapshot", "delete")],
  ["volume_extension:snapshot_admin_actions:reset_status", guarded("snapshot", "update")],
  ["snapshot_extension:snapshot_actions:update_snapshot_status", guarded("snapshot", "update")],
  ["snapshot_extension:snapshot_unmanage", guarded("snapshot", "delete")],
  ["volume:delete", guarded("volume", "delete")],
  ["volume_extension:volume_admin_actions:force_delete", guarded("volume", "delete")],
  ["volume_extension:volume_unmanage", guarded("volume", "delete")],
]);

/** What a rule asks for; one that we do not know is taken for a deletion, which is where the hook is strictest. */
export const guardedRule = (rule: string, otherwise: GuardedKind): GuardedRule =>
  rules.get(rule) ?? guarded(otherwise, "delete");

/** Who asks. */
export interface Caller {
  readonly userId: string | null;
  /** Of the token's scope. */
  readonly projectId: string | null;
  /** In Cinder's eyes. */
  readonly isAdmin: boolean;
}

/** The object, as Cinder or its API describes it. */
export interface GuardedObject {
  readonly projectId: string;
  /** Who created it. Cinder changes that in one case only: a volume that is transferred takes its snapshots along to the accepting user. */
  readonly creatorId: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface GuardRules {
  /** The writers: who rotates, marks and lifts holds. */
  readonly conductorIds: ReadonlySet<string>;
  /** Whose objects are automated whatever their marks say: the writers, and former ones. */
  readonly creatorIds: ReadonlySet<string>;
  /** Whether admins may delete and change automated objects that are not held. */
  readonly adminsMay: boolean;
}

/**
 * What the catalogue knows of one object. `none`: no catalogue is configured. `unavailable`: one is, and it is missing, stale or too slow: the
 * object may be in it, and held.
 */
export type CatalogueWord = "none" | "unavailable" | { readonly automated: boolean; readonly held: boolean };

/** Why; closed, so that metrics and logs can name it. */
export type GuardReason =
  "held" | "automated" | "catalogue_unavailable" | "guard_off" | "conductor" | "admin" | "not_automated";

export interface GuardDecision {
  readonly allow: boolean;
  readonly reason: GuardReason;
}

const denied = (reason: GuardReason): GuardDecision => ({ allow: false, reason });
const allowed = (reason: GuardReason): GuardDecision => ({ allow: true, reason });

const isConductor = (caller: Caller, projectId: string, { conductorIds }: GuardRules): boolean =>
  caller.userId !== null && conductorIds.has(caller.userId) && caller.projectId === projectId;

export interface GuardQuestion {
  readonly action: GuardedAction;
  readonly caller: Caller;
  readonly object: GuardedObject;
  readonly catalogue: CatalogueWord;
}

/** The decision on a backup or snapshot. A catalogue can turn a yes into a no, never the other way round. */
export function guardObject(question: GuardQuestion, rules: GuardRules): GuardDecision {
  const { action, caller, object, catalogue } = question;
  const known = typeof catalogue === "object" ? catalogue : { automated: false, held: false };
  const conductor = isConductor(caller, object.projectId, rules);
  if (readMarks(object.metadata).held || known.held) {
    return action === "update" && conductor ? allowed("conductor") : denied("held");
  }
  const automated = rules.creatorIds.has(object.creatorId) || isMarked(object.metadata) || known.automated;
  const may = conductor || (rules.adminsMay && caller.isAdmin);
  if (automated && !may) return denied("automated");
  // It may be automated or held for all we know. The conductor's updates are allowed in either case.
  if (catalogue === "unavailable" && !(conductor && action === "update")) return denied("catalogue_unavailable");
  if (!automated) return allowed("not_automated");
  return allowed(conductor ? "conductor" : "admin");
}

/** What the catalogue knows of a volume's snapshots. `none` and `unavailable` as in {@link CatalogueWord}. */
export type VolumeWord =
  "none" | "unavailable" | { readonly automatedSnapshots: boolean; readonly heldSnapshots: boolean };

/**
 * The decision on a volume's deletion, which may take its snapshots with it: Cinder authorises a cascade on the volume alone. Without a
 * catalogue there is nothing to decide from.
 */
export function guardVolume(
  { caller, snapshots }: { readonly caller: Caller; readonly snapshots: VolumeWord },
  { adminsMay }: GuardRules,
): GuardDecision {
  if (snapshots === "none") return denied("guard_off");
  if (snapshots === "unavailable") return denied("catalogue_unavailable");
  if (snapshots.heldSnapshots) return denied("held");
  if (!snapshots.automatedSnapshots) return allowed("not_automated");
  return adminsMay && caller.isAdmin ? allowed("admin") : denied("automated");
}
