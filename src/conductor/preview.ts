import type { Job } from "../domain/catalogue.ts";
import { mechanisms, type Project } from "../domain/inventory.ts";
import { byResource, noticesOfPoints, type Notice, type Skip } from "../domain/planner.ts";
import { readByMechanism } from "../domain/points.ts";
import type { Reason } from "../domain/reasons.ts";
import { withoutReleased, withReleased } from "../domain/release.ts";
import type { RotationPlan } from "../domain/retention.ts";
import { tracksOf, type Track } from "../domain/tracks.ts";
import { assign, policyFinder } from "./assign.ts";
import type { Conductor } from "./context.ts";
import { leftOut } from "./left-out.ts";
import { ClockWatch } from "./memory.ts";
import { groupByProject, knownJobs, limitJobs, planTracks } from "./plan.ts";
import { fetchQuota } from "./project.ts";
import { planProjectRotation } from "./rotate.ts";
import { rememberedRequests } from "./recall.ts";
import { ourUserIds, retentionTerms, scanPoints, scanInventory, whyPartial } from "./scan.ts";

/** What one cycle would do now. */
export interface Preview {
  /** What the policies have to do; one whose window is over creates nothing before its next slot. */
  readonly tracks: readonly Track[];
  readonly now: Date;
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
  const scans = await Promise.all(mechanisms.map((mechanism) => scanPoints(conductor, mechanism, signal)));
  // What is unproven is left out; nothing at all to go by is said.
  const proven = scans.some((scan) => scan.proven);
  const backups = scans.flatMap((scan) => (scan.proven || !proven ? scan.points : []));
  const catalogue = new Map((await repository.catalogue()).map((entry) => [entry.backupId, entry]));
  const now = clock.now();
  const overridesSeen = await rememberedRequests(conductor, {
    inventory,
    isNew: lastGood === undefined,
    points: (mechanism) => Promise.resolve(backups.filter((each) => each.mechanism === mechanism)),
    userIds,
  });
  const assignment = await assign(conductor, inventory, { now, overridesSeen, signal });
  const tracks = withoutReleased(tracksOf(assignment.targets, now), assignment.releasedAt);
  const jobs = await knownJobs(conductor, tracks);
  const points = readByMechanism({ backups, catalogue, userIds });
  const input = { runId: "preview", now, assignment, tracks, inventory, jobs, overridesSeen };
  const plan = planTracks(settings, input, (mechanism) => points[mechanism]);
  const limited = await limitJobs(conductor, plan.jobs, jobs, (id) => fetchQuota(conductor, id, signal));

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
  const terms = retentionTerms(inventory, settings, policyFinder(conductor, assignment));
  const rotations = [];
  for (const [projectId, own] of groupByProject(backups)) {
    const read = readByMechanism({ backups: own, catalogue, userIds });
    const rotation = await planProjectRotation(conductor, {
      runId: "preview",
      projectId,
      volumes: [...read.backup.values(), ...read.snapshot.values()],
      existingVolumeIds: partial ? null : inventory.volumeIds,
      terms,
      cloneSources: inventory.cloneSources,
      userIds,
      blocked,
    });
    if (rotation.decisions.length === 0) continue;
    const released = { dueAt: assignment.releasedAt, now, cloneSources: inventory.cloneSources };
    // The brake holds back what has expired; an owner's word is no mistake of ours.
    const decisions = blocked === null ? withReleased(rotation.decisions, released) : rotation.decisions;
    rotations.push({
      project: names.get(projectId) ?? { id: projectId, name: projectId },
      plan: { ...rotation, decisions },
    });
  }
  return {
    tracks,
    now,
    create: limited.accepted,
    refused: limited.refused,
    skips: [...plan.skips, ...leftOut({ assignment, inventory })],
    notices: [...plan.notices, ...noticesOfPoints([...points.backup.values(), ...points.snapshot.values()])].sort(
      byResource,
    ),
    rotations,
  };
}
