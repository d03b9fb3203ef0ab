import type { Clock } from "../../domain/clock.ts";
import { automatedMark } from "../../domain/marks.ts";
import type { Actor, GuardedKind, TrialAnswer, TriedRule } from "../../openstack/actor.ts";
import { CloudError } from "../../openstack/errors.ts";

/** What Cinder said to one call. */
export interface Tried {
  readonly who: "member" | "admin" | "writer";
  /** On an automated object, or on one that is the member's own. */
  readonly on: "automated" | "own";
  readonly rule: TriedRule;
  readonly answer: TrialAnswer;
}

/** What was seen on a live cloud. */
export interface PolicyTrial {
  readonly projectId: string;
  readonly tried: readonly Tried[];
  /** Of the automated objects, those that were not what they had been after calls that Cinder said it had refused. */
  readonly changed: readonly GuardedKind[];
  /** What went wrong on the way, so that not all could be tried; null when nothing did. */
  readonly problem: string | null;
  /** What is still there afterwards, e.g. `backup 1b9d...`. */
  readonly left: readonly string[];
}

export interface TrialActors {
  readonly member: Actor;
  /** With a token of the member's project. */
  readonly writer: Actor;
  /** Null: what admins may is not tried. */
  readonly admin: Actor | null;
}

export interface TrialOptions {
  /** Of the member. */
  readonly projectId: string;
  /** Part of the names of all that is made. */
  readonly id: string;
  readonly volumeType: string | null;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (text: string) => void;
}

/** A volume of 1 GiB, and backups of it, should not take longer anywhere. */
const waitLimitMs = 10 * 60_000;

/** From the least to the most: what is let through must not take away what the next call is tried on. */
const memberRules = {
  snapshot: [
    "volume:update_snapshot",
    "volume:update_snapshot_metadata",
    "volume:delete_snapshot_metadata",
    "volume:delete_snapshot",
  ],
  backup: ["backup:update", "backup:delete"],
} as const satisfies Record<GuardedKind, readonly TriedRule[]>;

const adminRules = {
  snapshot: [
    "volume_extension:snapshot_admin_actions:reset_status",
    "volume_extension:snapshot_admin_actions:force_delete",
  ],
  backup: ["volume_extension:backup_admin_actions:reset_status", "volume_extension:backup_admin_actions:force_delete"],
} as const satisfies Record<GuardedKind, readonly TriedRule[]>;

const deletion = { snapshot: "volume:delete_snapshot", backup: "backup:delete" } as const;

interface Made {
  readonly kind: GuardedKind;
  readonly id: string;
}

/**
 * Tries what a member and an admin may do to automated backups and snapshots, and what the member and the writer must be able to do: on a volume of
 * 1 GiB that the member makes. All that is made is removed again, also after a failure or a signal.
 */
export async function tryPolicy(actors: TrialActors, options: TrialOptions): Promise<PolicyTrial> {
  const { projectId, signal } = options;
  const seen = {
    tried: [] as Tried[],
    changed: [] as GuardedKind[],
    made: [] as Made[],
    volumeId: null as string | null,
  };
  let problem: string | null = null;
  try {
    options.progress("making a volume");
    seen.volumeId = await actors.member.createVolume(nameOf(options), options.volumeType, signal);
    await waitForVolume(actors, options, seen.volumeId);
    for (const kind of ["snapshot", "backup"] as const) await tryKind(kind, seen.volumeId, { actors, options, seen });
  } catch (error) {
    if (signal.aborted) problem = "interrupted";
    else if (error instanceof CloudError || error instanceof TrialError) problem = error.message.replace(/\.$/, "");
    else throw error;
  }
  options.progress("cleaning up");
  const left = await cleanUp(actors, options, seen);
  return { projectId, tried: seen.tried, changed: seen.changed, problem, left };
}

class TrialError extends Error {}

const nameOf = ({ id }: TrialOptions): string => `dirigent-doctor-${id}`;

interface Scene {
  readonly actors: TrialActors;
  readonly options: TrialOptions;
  readonly seen: { readonly tried: Tried[]; readonly changed: GuardedKind[]; readonly made: Made[] };
}

async function tryKind(kind: GuardedKind, volumeId: string, { actors, options, seen }: Scene): Promise<void> {
  const { member, writer, admin } = actors;
  const { signal, progress } = options;
  const make = async (who: Actor, metadata: Readonly<Record<string, string>>): Promise<string> => {
    const id = await who.create(kind, { volumeId, name: nameOf(options), metadata }, signal);
    seen.made.push({ kind, id });
    await waitUntil(`the ${kind} is available`, options, async () => {
      const status = (await member.look(kind, id, signal))?.status;
      if (status === "error") throw new TrialError(`the ${kind} ${id} ended in error`);
      return status === "available";
    });
    await waitForVolume(actors, options, volumeId);
    return id;
  };
  const attempt = async (who: Tried["who"], rule: TriedRule, id: string, on: Tried["on"]): Promise<TrialAnswer> => {
    const actor = { member, writer, admin: admin ?? member }[who];
    const answer = await actor.attempt(rule, id, signal);
    seen.tried.push({ who, on, rule, answer });
    return answer;
  };

  progress(`trying an automated ${kind}`);
  // A conductor that lists in these seconds takes it for one of its own, and notes later that it is gone.
  const automated = await make(writer, { [automatedMark]: "True" });
  const before = await writer.look(kind, automated, signal);
  let taken = false;
  for (const rule of memberRules[kind])
    taken = (await attempt("member", rule, automated, "automated")).accepted || taken;
  if (admin !== null && (await isThere(member, kind, automated, signal))) {
    for (const rule of adminRules[kind])
      taken = (await attempt("admin", rule, automated, "automated")).accepted || taken;
  }
  const after = await writer.look(kind, automated, signal);
  if (!taken && JSON.stringify(after) !== JSON.stringify(before)) seen.changed.push(kind);
  if (await isThere(member, kind, automated, signal)) await attempt("writer", deletion[kind], automated, "automated");

  progress(`trying a ${kind} of the member's own`);
  const own = await make(member, {});
  for (const rule of memberRules[kind]) {
    // Its own metadata has no mark that could be taken away.
    if (rule !== "volume:delete_snapshot_metadata") await attempt("member", rule, own, "own");
  }
}

const isThere = async (actor: Actor, kind: GuardedKind, id: string, signal: AbortSignal): Promise<boolean> => {
  const seen = await actor.look(kind, id, signal);
  return seen !== null && seen.status !== "deleting";
};

const waitForVolume = ({ member }: TrialActors, options: TrialOptions, id: string): Promise<void> =>
  waitUntil("the volume is available", options, async () => {
    const status = await member.volumeStatus(id, options.signal);
    if (status === "error") throw new TrialError(`the volume ${id} ended in error`);
    return status === "available";
  });

async function waitUntil(what: string, options: TrialOptions, look: () => Promise<boolean>): Promise<void> {
  const { clock, signal } = options;
  const beganMs = clock.monotonicMs();
  for (let waitMs = 250; !(await look()); waitMs = Math.min(waitMs * 1.5, 5_000)) {
    if (clock.monotonicMs() - beganMs > waitLimitMs) throw new TrialError(`not within 10 minutes: ${what}`);
    await clock.sleep(waitMs, signal);
  }
}

/** Removes what is left, whoever may: the writer, the member, the admin. @returns what could not be removed */
async function cleanUp(
  { member, writer, admin }: TrialActors,
  options: TrialOptions,
  { made, volumeId }: { readonly made: readonly Made[]; readonly volumeId: string | null },
): Promise<string[]> {
  // What ended the trial does not end this.
  const patient = { ...options, signal: new AbortController().signal };
  const { signal } = patient;
  const left: string[] = [];
  const removed = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof CloudError) && !(error instanceof TrialError)) throw error;
      left.push(what);
    }
  };
  for (const { kind, id } of made) {
    await removed(`${kind} ${id}`, async () => {
      await waitUntil(`the ${kind} is done`, patient, async () => {
        const status = (await member.look(kind, id, signal))?.status;
        return status !== "creating";
      });
      for (const who of [writer, member, ...(admin === null ? [] : [admin])]) {
        if (await isThere(member, kind, id, signal)) await who.attempt(deletion[kind], id, signal);
      }
      if (await isThere(member, kind, id, signal)) throw new TrialError("nobody may delete it");
      await waitUntil(`the ${kind} is gone`, patient, async () => (await member.look(kind, id, signal)) === null);
    });
  }
  if (volumeId === null) return left;
  await removed(`volume ${volumeId}`, async () => {
    await member.deleteVolume(volumeId, signal);
    await waitUntil("the volume is gone", patient, async () => (await member.volumeStatus(volumeId, signal)) === null);
  });
  return left;
}
