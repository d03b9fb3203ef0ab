import type { Job } from "../domain/catalogue.ts";
import type { Project } from "../domain/inventory.ts";
import type { Notice, Skip } from "../domain/planner.ts";
import { readPoints } from "../domain/points.ts";
import type { Reason } from "../domain/reasons.ts";
import type { RotationPlan } from "../domain/retention.ts";
import { currentSlot, type Slot } from "../domain/slots.ts";
import type { Conductor } from "./context.ts";
import { ClockWatch } from "./memory.ts";
import { groupByProject, knownJobs, limitJobs, planWith } from "./plan.ts";
import { fetchQuota } from "./project.ts";
import { planProjectRotation } from "./rotate.ts";
import { ourUserIds, retentionTerms, scanPoints, scanInventory, whyPartial } from "./scan.ts";

/** What one cycle would do now. */
export interface Preview {
  readonly slot: Slot;
  /** Whether the slot's window is still open; when not, nothing is created before the next slot. */
  readonly windowOpen: boolean;
  readonly create: readonly Job[];
  readonly refused: readonly Job[];
  readonly skips: readonly Skip[];
  readonly notices: readonly Notice[];
  readonly rotations: readonly { readonly project: Pick<Project, "id" | "name">; readonly plan: RotationPlan }[];
}

/** Plans a whole cycle from fresh listings and writes nothing anywhere. */
export async function previewCycle(conductor: Conductor, signal: AbortSignal): Promise<Preview> {
  const { clock, reader, repository, settings } = conductor;
  const [newest] = await repository.runs({ limit: 1 });
  const [lastGood] = await repository.runs({ limit: 1, scanGood: true });
  const userIds = await ourUserIds(conductor, signal);
  const inventory = await scanInventory(conductor, signal);
  const { points: backups, proven } = await scanPoints(conductor, "backup", signal);
  const catalogue = new Map((await repository.catalogue()).map((entry) => [entry.backupId, entry]));
  const now = clock.now();
  const slot = currentSlot(settings.policy, settings.timeZone, now);
  const jobs = await knownJobs(conductor, slot);
  const input = { runId: "preview", now, slot, inventory, userIds, jobs };
  const points = readPoints({ backups, catalogue, userIds });
  const plan = await planWith(conductor, input, points);
  const windowOpen = now < slot.windowEndsAt;
  const limited = await limitJobs(conductor, windowOpen ? plan.jobs : [], jobs, slot, (id) =>
    fetchQuota(conductor, id, signal),
  );

  const partial = whyPartial(inventory, now, lastGood) !== null;
  const clockTrusted = new ClockWatch().check(conductor, newest?.startedAt ?? null).trusted;
  const blocked: Reason | null = !clockTrusted
    ? "clock_jump"
    : partial
      ? "partial_scan"
      : proven
        ? null
        : "unproven_reader";
  const names = new Map((await reader.projects(signal)).map((project) => [project.id, project]));
  const terms = retentionTerms(inventory, conductor);
  const rotations = [];
  for (const [projectId, own] of groupByProject(backups)) {
    const rotation = await planProjectRotation(conductor, {
      runId: "preview",
      projectId,
      volumes: [...readPoints({ backups: own, catalogue, userIds }).values()],
      existingVolumeIds: partial ? null : inventory.volumeIds,
      terms,
      cloneSources: inventory.cloneSources,
      userIds,
      blocked,
    });
    if (rotation.decisions.length > 0) {
      rotations.push({ project: names.get(projectId) ?? { id: projectId, name: projectId }, plan: rotation });
    }
  }
  return {
    slot,
    windowOpen,
    create: limited.accepted,
    refused: limited.refused,
    skips: plan.skips,
    notices: plan.notices,
    rotations,
  };
}
