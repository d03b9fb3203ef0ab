import type { IncomingHttpHeaders } from "node:http";
import type { Backup, ServiceName, Snapshot } from "./records.ts";

export interface RequestFacts {
  readonly service: ServiceName;
  readonly method: string;
  /** Below the service's base path, with the query. */
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

/** What the client meets instead of, or after, the service's own answer. */
export type FaultAction =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: unknown;
    }
  /** Accepted and never answered; the connection stays open. */
  | { readonly kind: "stall" }
  /** The connection is cut and nothing was done. */
  | { readonly kind: "drop-before" }
  /** The work is done and kept; the connection is cut instead of an answer. */
  | { readonly kind: "drop-after" }
  /** Runs after the work and before the answer; the answer waits for it. */
  | { readonly kind: "hook"; readonly run: (facts: RequestFacts) => void | Promise<void> };

export interface FaultRule {
  readonly service?: ServiceName;
  readonly method?: string;
  readonly path?: RegExp;
  /** A further condition, e.g. on the body or the token. */
  readonly when?: (facts: RequestFacts) => boolean;
  /** How many matching requests pass first; 0 by default. */
  readonly after?: number;
  /** How many matching requests are hit then; for ever by default. */
  readonly times?: number;
  readonly action: FaultAction;
}

/** What becomes of a backup that is being made. */
export type BackupOutcome =
  /** Stays in `creating`, and its volume in `backing-up`. */
  | { readonly kind: "hang" }
  | { readonly kind: "error"; readonly reason: string }
  /** The row is gone, as if somebody had cleaned up behind the service's back. */
  | { readonly kind: "vanish" };

export interface BackupFaultRule {
  readonly match: (backup: Backup) => boolean;
  readonly times?: number;
  readonly outcome: BackupOutcome;
}

/**
 * What becomes of a snapshot that is being made or deleted: it stays as it is, ends in `error` or `error_deleting`, or its row is gone although it was to
 * be made.
 */
export type SnapshotOutcome = "hang" | "error" | "vanish";

export interface SnapshotFaultRule {
  readonly match: (snapshot: Snapshot) => boolean;
  readonly during: "create" | "delete";
  readonly times?: number;
  readonly outcome: SnapshotOutcome;
}

/** `unavailable` answers 503, `unreachable` cuts every connection. */
export type Outage = "none" | "unavailable" | "unreachable";

interface Counted<R> {
  readonly rule: R;
  seen: number;
}

/** The faults in force. The first rule that matches a request acts; later ones do not see it. */
export class Faults {
  #rules: Counted<FaultRule>[] = [];
  #backupRules: Counted<BackupFaultRule>[] = [];
  #snapshotRules: Counted<SnapshotFaultRule>[] = [];
  readonly #outages = new Map<ServiceName, Outage>();

  /** @returns a function that takes the rule away again. */
  add(rule: FaultRule): () => void {
    const counted = { rule, seen: 0 };
    this.#rules.push(counted);
    return () => {
      this.#rules = this.#rules.filter((r) => r !== counted);
    };
  }

  /** Decides the fate of backups whose creation begins from now on. */
  addBackupRule(rule: BackupFaultRule): () => void {
    const counted = { rule, seen: 0 };
    this.#backupRules.push(counted);
    return () => {
      this.#backupRules = this.#backupRules.filter((r) => r !== counted);
    };
  }

  /** Decides the fate of snapshots that are begun or deleted from now on. */
  addSnapshotRule(rule: SnapshotFaultRule): () => void {
    const counted = { rule, seen: 0 };
    this.#snapshotRules.push(counted);
    return () => {
      this.#snapshotRules = this.#snapshotRules.filter((r) => r !== counted);
    };
  }

  setOutage(service: ServiceName, outage: Outage): void {
    this.#outages.set(service, outage);
  }

  clear(): void {
    this.#rules = [];
    this.#backupRules = [];
    this.#snapshotRules = [];
    this.#outages.clear();
  }

  outageOf(service: ServiceName): Outage {
    return this.#outages.get(service) ?? "none";
  }

  actionFor(facts: RequestFacts): FaultAction | undefined {
    for (const counted of this.#rules) {
      const { rule } = counted;
      if (rule.service !== undefined && rule.service !== facts.service) continue;
      if (rule.method !== undefined && rule.method !== facts.method) continue;
      if (rule.path !== undefined && !rule.path.test(facts.path)) continue;
      if (rule.when !== undefined && !rule.when(facts)) continue;
      counted.seen += 1;
      const hit = counted.seen - (rule.after ?? 0);
      if (hit >= 1 && hit <= (rule.times ?? Infinity)) return rule.action;
    }
    return undefined;
  }

  outcomeFor(backup: Backup): BackupOutcome | undefined {
    return firstHit(this.#backupRules, (rule) => rule.match(backup))?.outcome;
  }

  snapshotOutcomeFor(snapshot: Snapshot, during: SnapshotFaultRule["during"]): SnapshotOutcome | undefined {
    return firstHit(this.#snapshotRules, (rule) => rule.during === during && rule.match(snapshot))?.outcome;
  }
}

function firstHit<R extends { readonly times?: number }>(
  rules: readonly Counted<R>[],
  matches: (rule: R) => boolean,
): R | undefined {
  for (const counted of rules) {
    if (!matches(counted.rule)) continue;
    counted.seen += 1;
    if (counted.seen <= (counted.rule.times ?? Infinity)) return counted.rule;
  }
  return undefined;
}
