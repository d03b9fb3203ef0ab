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
export function check(
  { rule, target, caller }: CheckBody,
  { kind: otherwise, named }: { readonly kind: GuardedKind; readonly named: string | null },
  { rules, catalogue, lookUp, guardVolumes }: Checking,
): Checked | null | Promise<Checked> {
  const id = target.id ?? named;
  if (id === null || (named !== null && named !== id) || !/^[\w-]{1,64}$/.test(id)) return null;
  const { kind, action } = guardedRule(rule, otherwise);
  if (kind === "volume") {
    const snapshots = guardVolumes && catalogue !== null ? catalogue.volume(id) : "none";
    return soon(snapshots, (known) => ({ kind, id, decision: guardVolume({ caller, snapshots: known }, rules) }));
  }
  const described = objectOf(target) ?? (lookUp === null ? null : lookUp(kind, id));
  return soon(described, (object): Checked | Promise<Checked> => {
    if (object === null) return { kind, id, decision: "incomplete" };
    const word = catalogue === null ? "none" : catalogue.point(id);
    return soon(word, (known) => ({
      kind,
      id,
      decision: guardObject({ action, caller, object, catalogue: known }, rules),
    }));
  });
}

/** Goes on at once where there is nothing to wait for. */
const soon = <T, R>(value: T | Promise<T>, then: (value: T) => R | Promise<R>): R | Promise<R> =>
  value instanceof Promise ? value.then(then) : then(value);

/** The object when the body has all that a decision needs. */
function objectOf({ projectId, creatorId, metadata }: CheckBody["target"]): GuardedObject | null {
  if (projectId === null || creatorId === null || metadata === null) return null;
  return { projectId, creatorId, metadata };
}
