import { isGoingOn, type Job } from "../../domain/catalogue.ts";
import { planManual, slotOfOrder, type ProtectOrder } from "../../domain/manual.ts";
import { resultOfLines, type OrderLine, type OrderResult } from "../../domain/orders.ts";
import type { Mechanism, Project } from "../../domain/inventory.ts";
import { readPoints } from "../../domain/points.ts";
import { retentionRequestKey } from "../../domain/overrides.ts";
import type { Policy } from "../../domain/policy.ts";
import { nextSlotStart } from "../../domain/slots.ts";
import { taggedTargets } from "../../domain/tracks.ts";
import { bookOf } from "../assign.ts";
import { operation, type Conductor, type Signals } from "../context.ts";
import type { LeaseKeeper } from "../lease.ts";
import { listPoints } from "../mechanism.ts";
import { knownJobs, limitJobs, ordinaryRows, refusalRows } from "../plan.ts";
import { answersOf, markServers, readQuota } from "../project.ts";
import { buildReport, setsOf } from "../report.ts";
import { rememberedRequests } from "../recall.ts";
import { ourUserIds, scanInventory } from "../scan.ts";
import { writeJobs } from "../write-jobs.ts";

/** @throws ConductorError when there is none of the name any more */
function policyOf(conductor: Conductor, { policy: name }: ProtectOrder): Policy {
  if (name === undefined) return conductor.settings.policy;
  const policy = bookOf(conductor).policies.get(name);
  if (policy === undefined) throw new Error(`there is no policy ${name}`);
  return policy;
}

/** What an order makes: what it says, else what its policy makes first. */
export const mechanismOf = ({ mechanism }: Pick<ProtectOrder, "mechanism">, policy: Policy): Mechanism =>
  mechanism ?? policy.mechanisms[0] ?? "backup";

/** Plans an order's restore points and writes them down as jobs, once: whoever works jobs will find them. */
export async function planProtect(
  conductor: Conductor,
  order: { readonly id: string; readonly body: ProtectOrder },
  signal: AbortSignal,
): Promise<void> {
  const { clock, reader, repository, settings } = conductor;
  const { body, id: runId } = order;
  if ((await repository.jobs({ runId })).length > 0) return;
  const userIds = await ourUserIds(conductor, signal);
  const policy = policyOf(conductor, body);
  const mechanism = mechanismOf(body, policy);
  const inventory = await scanInventory(conductor, signal);
  const backups = await Promise.all(
    body.volumeIds.map((volumeId) => Array.fromAsync(listPoints(reader, mechanism, { volumeId }, signal))),
  );
  const projects = new Set(body.volumeIds.flatMap((id) => inventory.volumes.get(id)?.projectId ?? []));
  const entries = await Promise.all([...projects].map((projectId) => repository.catalogue({ projectId })));
  const catalogue = new Map(entries.flat().map((entry) => [entry.backupId, entry]));
  const now = clock.now();
  const [lastGood] = await repository.runs({ limit: 1, scanGood: true });
  const overridesSeen = await rememberedRequests(conductor, {
    inventory,
    isNew: lastGood === undefined,
    points: (each) => Promise.resolve(each === mechanism ? backups.flat() : []),
    userIds,
  });
  const slot = slotOfOrder(body, { runId, policy, now });
  const known = await knownJobs(conductor, [{ slot }]);
  const { jobs, refused } = planManual(body, {
    now,
    runId,
    slot,
    policy,
    mechanism,
    requestKey: retentionRequestKey(settings, policy.name),
    ahead: new Map(),
    selection: settings.selection,
    timeZone: settings.timeZone,
    nameTemplate: settings.nameTemplate,
    servers: inventory.servers,
    volumes: inventory.volumes,
    points: readPoints({ backups: backups.flat(), catalogue, userIds }),
    jobs: known,
    fromSnapshotTypes: settings.fromSnapshotTypes,
    overridesSeen,
  });
  // The volume limit is about what the schedule does by itself.
  const unlimited = { settings: { ...settings, selection: { ...settings.selection, volumesPerProject: null } } };
  const limited = await limitJobs(unlimited, jobs, known, (projectId) => readQuota(conductor, projectId, signal));
  const skips = refused.map(({ volumeId, reason, message }) =>
    operation(conductor, runId, {
      kind: "skip",
      reason,
      projectId: inventory.volumes.get(volumeId)?.projectId ?? null,
      volumeId,
      message,
    }),
  );
  if (skips.length > 0) await repository.appendOperations(skips);
  await writeJobs(
    conductor,
    [...limited.accepted, ...limited.refused],
    [...refusalRows(conductor, runId, limited.refused), ...ordinaryRows(conductor, runId, limited.accepted)],
    known,
  );
}

/** Ends an order when its backups have ended: marks, report, result. @returns null while they have not */
export async function finishProtect(
  conductor: Conductor,
  lease: LeaseKeeper,
  order: { readonly id: string; readonly askedAt: Date },
  signals: Signals,
): Promise<OrderResult | null> {
  const { repository } = conductor;
  const { id: runId } = order;
  const jobs = await repository.jobs({ runId });
  if (jobs.some(isGoingOn)) return null;
  const skips = new Map((await repository.operations({ runId, kinds: ["skip"] })).map((row) => [row.volumeId, row]));
  if (jobs.length > 0) {
    const inventory = await scanInventory(conductor, signals.cut);
    const projects = new Map((await conductor.reader.projects(signals.cut)).map((project) => [project.id, project]));
    const { policy: builtIn, selection } = conductor.settings;
    const policy = bookOf(conductor).policies.get(jobs[0]?.policy ?? "") ?? builtIn;
    const targets = taggedTargets(inventory.servers, inventory.volumes.values(), selection);
    const tracks = [{ policy, mechanism: "backup" as const, targets }];
    for (const [projectId, slotJobs] of Map.groupBy(jobs, (job) => job.projectId)) {
      await markServers(conductor, lease, { runId, projectId, inventory, tracks, slotJobs }, signals.cut);
      const project = projects.get(projectId) ?? { id: projectId, name: projectId };
      await report(conductor, order, { project, slotJobs }, signals.cut);
    }
  }
  return resultOfLines([
    ...jobs.map(lineOfJob),
    ...[...skips.values()].map(({ volumeId, reason, message }) => ({
      volumeId,
      backupId: null,
      outcome: "refused" as const,
      reason,
      message,
    })),
  ]);
}

const lineOfJob = (job: Job): OrderLine => ({
  volumeId: job.volumeId,
  backupId: job.backupId,
  outcome: job.state === "succeeded" ? "done" : job.submittedAt === null ? "refused" : "failed",
  reason: job.reason ?? "still_running",
  message: job.message,
});

/** The project is told as after any other run. */
async function report(
  conductor: Conductor,
  order: { readonly id: string; readonly askedAt: Date },
  { project, slotJobs }: { readonly project: Pick<Project, "id" | "name">; readonly slotJobs: readonly Job[] },
  signal: AbortSignal,
): Promise<void> {
  const { clock, newId, reporting, repository, settings } = conductor;
  const made = buildReport({
    id: newId(),
    runId: order.id,
    projectId: project.id,
    projectName: project.name,
    at: clock.now(),
    startedAt: order.askedAt,
    nextRunAt: nextSlotStart(settings.policy, clock.now()),
    entries: await repository.catalogue({ projectId: project.id }),
    jobs: slotJobs,
    sets: setsOf(slotJobs, await answersOf(conductor, slotJobs)),
    skips: [],
    notices: [],
    rotation: { deleted: 0, kept: 0, failed: 0, reasons: {}, blocked: null },
    quota: await readQuota(conductor, project.id, signal),
  });
  await repository.insertReport(made, reporting?.ofProject(made));
  reporting?.wake();
}
