import type { Protection, VolumeAssignment } from "../domain/assignment.ts";
import { openJobStates, type Job } from "../domain/catalogue.ts";
import { complianceOf, type Compliance } from "../domain/compliance.ts";
import type { Mechanism, Volume } from "../domain/inventory.ts";
import { workKey } from "../domain/marks.ts";
import type { Notice, Skip } from "../domain/planner.ts";
import type { Point } from "../domain/points.ts";
import type { Policy } from "../domain/policy.ts";
import type { Reason } from "../domain/reasons.ts";
import { currentSlot, nextSlotStart, slotBefore, type Slot } from "../domain/slots.ts";
import { tracksOf } from "../domain/tracks.ts";
import type { ExplainBase, PointsByMechanism } from "./explained-points.ts";
import { planTracks } from "./plan.ts";

/** How it stands with the current slot of a policy. */
export type SlotState =
  | { readonly state: "done"; readonly pointId: string | null; readonly job: Job | null }
  | { readonly state: "running" | "failed"; readonly job: Job }
  /** Nothing is in its way: the next cycle makes it. */
  | { readonly state: "due"; readonly job: Job }
  | { readonly state: "waiting" | "missed" | "skipped"; readonly reason: Reason; readonly message: string | null }
  /** There was no slot yet. */
  | { readonly state: "before_first" };

export interface ExplainedTrack {
  readonly mechanism: Mechanism;
  readonly slot: Slot | null;
  readonly now: SlotState;
  readonly compliance: Compliance;
}

export interface ExplainedProtection extends Protection {
  readonly tracks: readonly ExplainedTrack[];
  readonly nextSlots: readonly Date[];
}

const shownSlots = 3;

/** What each policy has to do for the volume now. */
export async function explainSlots(
  { conductor, inventory, now }: Pick<ExplainBase, "conductor" | "inventory" | "now">,
  {
    volume,
    said,
    points,
    releasedAt,
    overridesSeen,
  }: {
    readonly volume: Volume;
    readonly said: VolumeAssignment;
    readonly points: PointsByMechanism;
    readonly releasedAt: Date | null;
    readonly overridesSeen: Parameters<typeof planTracks>[1]["overridesSeen"];
  },
): Promise<{ readonly protections: readonly ExplainedProtection[]; readonly notices: readonly Notice[] }> {
  const { repository, settings } = conductor;
  const targets = new Map(
    said.protections.map(({ policy, server }) => [policy, [{ server, volumeIds: [volume.id] }]] as const),
  );
  const tracks = tracksOf(targets, now);
  const keyOf = (policy: Policy, mechanism: Mechanism, slot: Slot): string =>
    workKey(volume.id, policy.name, slot.id, mechanism);
  // That there was work in the slot before shows that it is not the first.
  const keys = tracks.flatMap(({ policy, mechanism, slot }) => {
    const before = slotBefore(policy, slot);
    return [slot, ...(before === null ? [] : [before])].map((each) => keyOf(policy, mechanism, each));
  });
  const ofSlots = keys.length === 0 ? [] : await repository.jobs({ keys });
  const open = await repository.jobs({ states: openJobStates, projectId: volume.projectId });
  const jobs = new Map([...open, ...ofSlots].map((job) => [job.key, job]));
  const assignment = { targets, excluded: new Map(), notices: [], overridesSeen: [] };
  const plan = planTracks(
    settings,
    { runId: "explain", now, assignment, tracks, inventory, jobs: [...jobs.values()], overridesSeen },
    (mechanism) => points[mechanism],
  );
  const due = new Map(plan.jobs.map((job) => [job.key, job]));
  const skips = new Map(plan.skips.map((skip) => [skip.key, skip]));
  return {
    notices: plan.notices,
    protections: said.protections.map((protection) => {
      const { policy } = protection;
      const slot = currentSlot(policy, now);
      return {
        ...protection,
        nextSlots: slotsAfter(policy, now),
        tracks: policy.mechanisms.map((mechanism) => {
          const ofVolume = points[mechanism].get(volume.id)?.points ?? [];
          const judge = (state: SlotState): ExplainedTrack => {
            const own = ofVolume.filter(({ projectId }) => projectId === volume.projectId);
            const obstacle = "message" in state ? state.reason : null;
            const before = slot === null ? null : slotBefore(policy, slot);
            const wasWorked = before !== null && jobs.has(keyOf(policy, mechanism, before));
            const protectedSince = wasWorked ? before.startsAt : null;
            const compliance = complianceOf({ policy, points: own, obstacle, protectedSince, now });
            return { mechanism, slot, now: state, compliance };
          };
          if (slot === null) return judge({ state: "before_first" });
          const key = keyOf(policy, mechanism, slot);
          const made = ofVolume.find(({ marks, entry }) => marks.key === key || entry?.key === key) ?? null;
          const isReleased = mechanism === "snapshot" && releasedAt !== null;
          const facts = {
            job: jobs.get(key),
            due: due.get(key),
            skip: skips.get(key),
            made,
            isReleased,
            isOver: slot.windowEndsAt <= now,
          };
          return judge(stateOf(facts));
        }),
      };
    }),
  };
}

function stateOf({
  job,
  due,
  skip,
  made,
  isReleased,
  isOver,
}: {
  readonly job: Job | undefined;
  readonly due: Job | undefined;
  readonly skip: Skip | undefined;
  readonly made: Point | null;
  readonly isReleased: boolean;
  /** Its window has passed: what is in its way does not matter any more. */
  readonly isOver: boolean;
}): SlotState {
  if (job !== undefined && due === undefined) {
    if (job.state === "succeeded") return { state: "done", pointId: job.backupId, job };
    return { state: job.state === "failed" || job.state === "cancelled" ? "failed" : "running", job };
  }
  if (made !== null) return { state: "done", pointId: made.backup.id, job: null };
  if (isReleased) return { state: "skipped", reason: "release_requested", message: null };
  if (due !== undefined) return { state: "due", job: due };
  const reason = skip?.reason ?? "window_missed";
  const states: Partial<Record<Reason, "waiting" | "missed">> = {
    not_yet: "waiting",
    still_running: "waiting",
    too_soon: "waiting",
    window_missed: "missed",
  };
  const state = states[reason] ?? "skipped";
  if (state === "waiting" && isOver) return { state: "missed", reason: "window_missed", message: null };
  return { state, reason, message: skip?.message ?? null };
}

function slotsAfter(policy: Policy, now: Date): Date[] {
  const slots: Date[] = [];
  for (let at = now; slots.length < shownSlots;) slots.push((at = nextSlotStart(policy, at)));
  return slots;
}
