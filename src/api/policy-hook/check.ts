import {
  guardedRule,
  guardObject,
  guardVolume,
  type GuardDecision,
  type GuardedKind,
  type GuardedObject,
  type GuardRules,
} from "../../domain/guard.ts";
import type { CheckBody } from "./body.ts";
import type { Catalogue, LookUp } from "./sources.ts";

/** What a check is decided from beside its own body. */
export interface Checking {
  readonly rules: GuardRules;
  /** Null: none is configured. */
  readonly catalogue: Catalogue | null;
  /** Null: off, so that a body without the object's creator or metadata is denied. */
  readonly lookUp: LookUp | null;
  /** Whether `volume:delete` is decided; a policy file that asks although it is off gets a no. */
  readonly guardVolumes: boolean;
}

export interface Checked {
  readonly kind: GuardedKind;
  readonly id: string;
  /** `incomplete`: the body says too little, and nothing else could be asked. */
  readonly decision: GuardDecision | "incomplete";
}

/**
 * Decides one check.
 * @param named the id in the URL's query, null without one; it must be the body's
 * @returns null when the ids contradict each other or there is none
 */
export async function check(
  { rule, target, caller }: CheckBody,
  { kind: otherwise, named }: { readonly kind: GuardedKind; readonly named: string | null },
  { rules, catalogue, lookUp, guardVolumes }: Checking,
): Promise<Checked | null> {
  const id = target.id ?? named;
  if (id === null || (named !== null && named !== id) || !/^[\w-]{1,64}$/.test(id)) return null;
  const { kind, action } = guardedRule(rule, otherwise);
  if (kind === "volume") {
    const snapshots = guardVolumes && catalogue !== null ? await catalogue.volume(id) : "none";
    return { kind, id, decision: guardVolume({ caller, snapshots }, rules) };
  }
  const object = described(target) ?? (lookUp === null ? null : await lookUp(kind, id));
  if (object === null) return { kind, id, decision: "incomplete" };
  const word = catalogue === null ? "none" : await catalogue.point(id);
  return { kind, id, decision: guardObject({ action, caller, object, catalogue: word }, rules) };
}

/** The object when the body has all that a decision needs. */
function described({ projectId, creatorId, metadata }: CheckBody["target"]): GuardedObject | null {
  if (projectId === null || creatorId === null || metadata === null) return null;
  return { projectId, creatorId, metadata };
}
