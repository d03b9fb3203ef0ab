import fc from "fast-check";
import type { CatalogueEntry } from "../../../src/domain/catalogue.ts";
import type { Backup, Mechanism } from "../../../src/domain/inventory.ts";
import { automatedMark, mark, markTime, workKey } from "../../../src/domain/marks.ts";
import type { ArchiveRule, Policy, ThinningRule } from "../../../src/domain/policy.ts";
import { formatRule } from "../../../src/domain/thinning-text.ts";
import { currentSlot, type Slot } from "../../../src/domain/slots.ts";

export const ourUser = "user-dirigent";
export const timeZone = "Europe/Berlin";
const hourMs = 3_600_000;

/** Draws one of the values with the given weights. */
export const weighted = <T>(...choices: readonly (readonly [weight: number, value: T])[]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));

type Maker = "ours" | "forged" | "unmarked" | "foreign";
type Damage =
  | "none"
  | "no-keep-until"
  | "bad-keep-until"
  | "no-parent"
  | "wrong-parent"
  | "no-key"
  | "next-key"
  | "no-type"
  | "no-archive";
type Memory = "verified" | "unverified" | "lost" | "delete-sent" | "wrong-size" | "wrong-parent" | "old-promise";

/** One backup in a volume's history, oldest first. */
export interface Step {
  readonly maker: Maker;
  readonly wantsIncremental: boolean;
  readonly status: string;
  readonly gapPeriods: number;
  readonly skewMs: number;
  readonly damage: Damage;
  readonly memory: Memory;
  readonly held: boolean;
  readonly verdict: string | null;
  readonly fromSnapshot: boolean;
  readonly grown: boolean;
  readonly retyped: boolean;
  readonly failReason: string | null;
  readonly elsewhere: boolean;
  /** Sent to the archive, if it is a full and there is one. */
  readonly archived: boolean;
  /** Deleted behind our back, its children still there. */
  readonly lost: boolean;
  /** Whose it is: of the built-in policy, of a second one, of one that is gone; `none` has no mark of it. */
  readonly policy: "default" | "second" | "gone" | "none";
  /** The rule marked on it: its policy's, a smaller or larger one, one that cannot be read. */
  readonly rule: "own" | "less" | "more" | "bad" | "none";
}

export const rare = (weight: number): fc.Arbitrary<boolean> => weighted([weight, false], [1, true]);

const steps: fc.Arbitrary<Step> = fc.record({
  maker: weighted<Maker>([14, "ours"], [2, "foreign"], [1, "forged"], [1, "unmarked"]),
  wantsIncremental: weighted([1, false], [4, true]),
  status: weighted(
    [24, "available"],
    [3, "error"],
    [1, "creating"],
    [1, "restoring"],
    [1, "deleting"],
    [1, "error_deleting"],
  ),
  gapPeriods: weighted([12, 1], [2, 3], [1, 0.25], [1, 0], [1, 12]),
  skewMs: weighted([12, 0], [1, -90_000], [1, 400_000], [1, -3 * hourMs]),
  damage: weighted<Damage>(
    [20, "none"],
    [1, "no-keep-until"],
    [1, "bad-keep-until"],
    [1, "no-parent"],
    [1, "wrong-parent"],
    [1, "no-key"],
    [1, "next-key"],
    [1, "no-type"],
    [1, "no-archive"],
  ),
  memory: weighted<Memory>(
    [14, "verified"],
    [1, "unverified"],
    [3, "lost"],
    [1, "delete-sent"],
    [1, "wrong-size"],
    [1, "wrong-parent"],
    [1, "old-promise"],
  ),
  held: rare(24),
  verdict: weighted<string | null>([24, null], [1, "good 2026-01-01"], [1, "bad checksum"]),
  fromSnapshot: rare(40),
  grown: rare(20),
  retyped: rare(20),
  failReason: weighted<string | null>([24, null], [1, "lost contact with the backup service"]),
  elsewhere: rare(30),
  archived: rare(2),
  lost: rare(24),
  policy: fc.constant<Step["policy"]>("default"),
  rule: fc.constant<Step["rule"]>("own"),
});

/** A night as it should be. */
const calmSteps: fc.Arbitrary<Step> = fc.record({
  maker: fc.constant<Maker>("ours"),
  wantsIncremental: weighted([1, false], [6, true]),
  status: fc.constant("available"),
  gapPeriods: fc.constant(1),
  skewMs: fc.constant(0),
  damage: fc.constant<Damage>("none"),
  memory: fc.constant<Memory>("verified"),
  held: fc.constant(false),
  verdict: fc.constant(null),
  fromSnapshot: fc.constant(false),
  grown: rare(40),
  retyped: rare(40),
  failReason: fc.constant(null),
  elsewhere: fc.constant(false),
  archived: rare(2),
  lost: fc.constant(false),
  policy: fc.constant<Step["policy"]>("default"),
  rule: fc.constant<Step["rule"]>("own"),
});

const variedPolicy = weighted<Step["policy"]>([8, "default"], [3, "second"], [1, "gone"], [1, "none"]);
const variedRule = weighted<Step["rule"]>([12, "own"], [1, "less"], [1, "more"], [1, "bad"], [1, "none"]);

/** The backups of one volume, oldest first. */
export const histories: fc.Arbitrary<Step[]> = fc.oneof(
  { weight: 2, arbitrary: fc.array(calmSteps, { maxLength: 16, size: "max" }) },
  { weight: 1, arbitrary: fc.array(steps, { maxLength: 12, size: "max" }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.array(calmSteps, { maxLength: 10, size: "max" }), steps)
      .map(([calm, odd]) => [...calm, odd]),
  },
);

const varied = (rule: fc.Arbitrary<Step["rule"]>): fc.Arbitrary<Step[]> =>
  histories.chain((history) =>
    fc
      .array(fc.record({ policy: variedPolicy, rule }), { minLength: history.length, maxLength: history.length })
      .map((changes) => history.map((step, index) => ({ ...step, ...changes[index] }))),
  );

/** The same of several policies that share the volume's chains, made under rules that have changed since. */
export const variedHistories = varied(variedRule);

/** The same, made under the policies as they are now. */
export const promisedHistories = varied(fc.constant<Step["rule"]>("own"));

/** Metadata without the keys whose value is null. */
export const metadata = (values: Record<string, string | null>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).flatMap(([key, value]) => (value === null ? [] : [[key, value]])));

interface Stage {
  readonly policy: Policy;
  readonly second: Policy;
  readonly mechanism: Mechanism;
  readonly volumeId: string;
  readonly projectId: string;
  readonly serverId: string;
  readonly startMs: number;
}

interface Told {
  readonly backups: readonly Backup[];
  readonly parents: ReadonlyMap<string, string | null>;
  readonly entries: readonly CatalogueEntry[];
  readonly endMs: number;
  readonly sizeGiB: number;
  readonly volumeType: string | null;
}

/** Turns the steps of one volume into rows of Cinder and of the catalogue. */
export function tellHistory(history: readonly Step[], stage: Stage): Told {
  const backups: Backup[] = [];
  const parents = new Map<string, string | null>();
  const entries: CatalogueEntry[] = [];
  const gone = new Set<string>();
  let atMs = stage.startMs;
  let sizeGiB = 10;
  let volumeType = "fast";
  for (const [i, step] of history.entries()) {
    atMs += step.gapPeriods * stage.policy.periodMs;
    if (step.grown) sizeGiB += 1;
    if (step.retyped) volumeType = volumeType === "fast" ? "slow" : "fast";
    const backupId = `${stage.volumeId}-${stage.mechanism}-${String(i).padStart(2, "0")}`;
    const projectId = step.elsewhere ? "project-admin" : stage.projectId;
    const parent =
      step.wantsIncremental && stage.mechanism === "backup"
        ? newestBy(backups.filter((b) => b.projectId === projectId))
        : null;
    const parentId = parent?.status === "available" ? parent.id : null;
    const policy = policyOf(step, stage);
    const slot = slotAt(policy, new Date(atMs));
    const facts = { ...stage, policy, slot, backupId, projectId, parentId, sizeGiB, volumeType, atMs };
    backups.push(backupOf(step, facts, backups));
    parents.set(backupId, parentId);
    if (step.lost) gone.add(backupId);
    if (step.maker === "ours" && step.memory !== "lost") entries.push(entryOf(step, facts));
  }
  return { backups: backups.filter((b) => !gone.has(b.id)), parents, entries, endMs: atMs, sizeGiB, volumeType };
}

/** As Cinder chooses the parent of an incremental. */
const newestBy = (backups: readonly Backup[]): Backup | null => {
  const age = (b: Backup): number => +(b.dataTimestamp ?? b.createdAt);
  return backups.reduce<Backup | null>((best, b) => (best === null || age(b) >= age(best) ? b : best), null);
};

interface Facts extends Stage {
  readonly backupId: string;
  readonly parentId: string | null;
  readonly sizeGiB: number;
  readonly volumeType: string;
  readonly atMs: number;
  readonly slot: Slot;
}

/** The policy that a point is of, as it was when the point was made. */
const policyOf = ({ policy: which }: Step, { policy, second }: Stage): Policy =>
  which === "second" ? second : which === "gone" ? { ...policy, name: "gone" } : policy;

/** What the point was made under. */
function ruleOf(step: Step, facts: Facts): string | null {
  const { thinning } = facts.policy;
  const rule = thinning ?? { ...noRule, last: 2 };
  switch (step.rule) {
    case "own":
      return thinning === null ? null : formatRule(thinning);
    case "none":
      return null;
    case "bad":
      return "last=many";
    case "less":
      return formatRule({ ...rule, last: Math.max(1, rule.last - 1), daily: 0 });
    case "more":
      return formatRule({ ...rule, last: rule.last + 3, weekly: rule.weekly + 1 });
  }
}

const noRule: ThinningRule = {
  last: 0,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  countFrom: "newest",
  minimumKeep: 1,
  timeZone,
};

/** The slot that there always is where the schedule is a period. */
export function slotAt(policy: Policy, at: Date): Slot {
  const slot = currentSlot(policy, at);
  if (slot === null) throw new Error(`no slot at ${at.toISOString()}`);
  return slot;
}
const archiveOf = (step: Step, facts: Facts): ArchiveRule | null =>
  step.archived && step.maker === "ours" && facts.parentId === null ? facts.policy.archive : null;
/** As the planner promises. */
const keepUntilOf = (step: Step, facts: Facts): Date => {
  const { retentionMs, minimumRetentionMs } = facts.policy;
  const promisedMs = Math.max(archiveOf(step, facts)?.retentionMs ?? 0, retentionMs, minimumRetentionMs);
  return new Date(facts.slot.startsAt.getTime() + promisedMs);
};

function backupOf(step: Step, facts: Facts, before: readonly Backup[]): Backup {
  const createdAt = new Date(facts.atMs);
  const isMarkedByMaker = step.maker === "ours" || step.maker === "forged";
  return {
    id: facts.backupId,
    mechanism: facts.mechanism,
    name: `${facts.volumeId}-${markTime(createdAt)}`,
    volumeId: facts.volumeId,
    projectId: facts.projectId,
    userId: step.maker === "ours" || step.maker === "unmarked" ? ourUser : "user-tenant",
    status: step.status,
    sizeGiB: facts.sizeGiB,
    isIncremental: facts.parentId !== null,
    hasDependents: step.held,
    snapshotId: step.fromSnapshot ? "snapshot" : null,
    dataTimestamp: step.status === "creating" ? null : new Date(facts.atMs + step.skewMs),
    createdAt,
    updatedAt: null,
    failReason: step.status === "error" ? "the driver gave up" : step.failReason,
    container: archiveOf(step, facts)?.container ?? null,
    availabilityZone: null,
    objectCount: 1,
    metadata: isMarkedByMaker ? marksOf(step, facts, before) : { note: "mine" },
  };
}

function marksOf(step: Step, facts: Facts, before: readonly Backup[]): Record<string, string> {
  const { damage } = step;
  const slot = facts.slot;
  const keySlot = damage === "next-key" ? markTime(slot.endsAt) : slot.id;
  const wrongParent = before[0]?.id ?? "nowhere";
  return metadata({
    [automatedMark]: "True",
    [mark.key]: damage === "no-key" ? null : workKey(facts.volumeId, facts.policy.name, keySlot, facts.mechanism),
    [mark.policy]: step.policy === "none" ? null : facts.policy.name,
    [mark.retention]: ruleOf(step, facts),
    [mark.slot]: slot.id,
    [mark.server]: facts.serverId,
    [mark.set]: `${facts.serverId}/${slot.id}`,
    [mark.parent]: damage === "no-parent" ? null : damage === "wrong-parent" ? wrongParent : facts.parentId,
    [mark.keepUntil]:
      damage === "no-keep-until" ? null : damage === "bad-keep-until" ? "tomorrow" : markTime(keepUntilOf(step, facts)),
    [mark.archive]: archiveOf(step, facts) === null || damage === "no-archive" ? null : "True",
    [mark.hold]: step.held ? "2026-01-01T00:00:00Z" : null,
    [mark.verdict]: step.verdict,
    [mark.volumeType]: damage === "no-type" ? null : facts.volumeType,
  });
}

function entryOf(step: Step, facts: Facts): CatalogueEntry {
  const { memory, held } = step;
  const at = new Date(facts.atMs);
  const slot = facts.slot;
  const isUnsure = memory === "unverified" || memory === "wrong-parent";
  return {
    backupId: facts.backupId,
    mechanism: facts.mechanism,
    retention: ruleOf(step, facts),
    adopted: false,
    projectId: facts.projectId,
    volumeId: facts.volumeId,
    key: workKey(facts.volumeId, facts.policy.name, slot.id, facts.mechanism),
    policy: facts.policy.name,
    slot: slot.id,
    serverId: facts.serverId,
    setId: `${facts.serverId}/${slot.id}`,
    isIncremental: facts.parentId !== null,
    sizeGiB: memory === "wrong-size" ? facts.sizeGiB + 1 : facts.sizeGiB,
    volumeType: facts.volumeType,
    parentId: memory === "wrong-parent" ? "nowhere" : facts.parentId,
    parentVerified: facts.parentId === null || !isUnsure,
    keepUntil:
      memory === "old-promise" ? new Date(at.getTime() + 3 * facts.policy.retentionMs) : keepUntilOf(step, facts),
    held,
    createdAt: at,
    goodAt: at,
    deleteSentAt: memory === "delete-sent" ? at : null,
    goneAt: null,
  };
}
