import { askedMarks } from "../domain/asked-marks.ts";
import { openJobStates, type Job, type OverrideSeen } from "../domain/catalogue.ts";
import { pickJobs } from "../domain/dispatch.ts";
import { isScheduled } from "../domain/manual.ts";
import { temporaryKey } from "../domain/marks.ts";
import { asSnapshot, isTemporaryInFlight, mayBeSent, wantedTemporaries } from "../domain/temporary.ts";
import { indexSeen } from "../domain/overrides.ts";
import type { Conductor, Signals } from "./context.ts";
import type { ProjectEnds } from "./ends.ts";
import type { LeaseKeeper } from "./lease.ts";
import { isOutage } from "./outage.ts";
import { submit } from "./submit.ts";
import { requestTemporary, watchTemporaries } from "./temporary.ts";
import { TemporaryCleaner } from "./temporary-clean.ts";
import { cancelMissed, reconcileLost, watchRunning } from "./watch.ts";

/** How long services or database may stay away before a run gives up. Its rows stay; the next run resumes them. */
const outageLimitMs = 60 * 60 * 1000;

export interface ExecuteInput {
  readonly userIds: ReadonlySet<string>;
  /** Keys in the order in which they should start; what is not in it comes first: it was left by an earlier cycle. */
  readonly order: readonly string[];
  /** What is remembered of tenants' requests, for the marks of what is made. */
  readonly overridesSeen: readonly OverrideSeen[];
  /** What follows when a project's own jobs have ended. */
  readonly ends: ProjectEnds;
  /** Ends the work between two rounds although jobs are still running: the next cycle goes on with them. */
  readonly interrupt: AbortSignal;
  /** Which open jobs are worked; all when not given. The others still count against the limits. */
  readonly concerns?: (job: Job) => boolean;
  /** Called after every round: what else a conductor has to look after. */
  readonly onRound?: () => void;
}

/** Works all open jobs of the database until they have ended or only stuck ones are left. */
export async function executeJobs(
  conductor: Conductor,
  lease: LeaseKeeper,
  { concerns = () => true, ends, interrupt, onRound, order, overridesSeen, userIds }: ExecuteInput,
  signals: Signals,
): Promise<void> {
  const { clock, log, settings } = conductor;
  const stop = AbortSignal.any([signals.drain, interrupt]);
  const rank = new Map(order.map((key, index) => [key, index]));
  const cleaner = new TemporaryCleaner(conductor, lease, { userIds, concerns });
  const seen = indexSeen(overridesSeen);
  const askedFor = (job: Job): Record<string, string> => askedMarks(job, seen, settings);
  let waitMs = firstWaitMs;
  let failingSince: Date | null = null;
  while (!stop.aborted) {
    try {
      const { open, moved } = await round(conductor, lease, { userIds, rank, concerns, askedFor }, signals);
      conductor.onProgress?.(open);
      onRound?.();
      ends.start(open.filter(isScheduled));
      await cleaner.start(signals);
      if (open.every((job) => job.stuckReportedAt !== null)) {
        await ends.settle();
        await cleaner.settle();
        if (ends.complete()) return;
      }
      failingSince = null;
      waitMs = moved ? firstWaitMs : Math.min(waitMs * 1.5, settings.pollMs);
    } catch (error) {
      if (!isOutage(error)) throw error;
      const now = clock.now();
      failingSince ??= now;
      log.warn({ error, since: failingSince }, "a service or the database did not answer; going on when it does");
      if (Number(now) - Number(failingSince) > outageLimitMs) throw error;
      waitMs = settings.pollMs;
    }
    await clock.sleep(waitMs, stop).catch(() => undefined); // rejects only when stopped
  }
  await ends.settle();
  await cleaner.settle();
}

const firstWaitMs = 500;

interface StartInput {
  readonly rank: ReadonlyMap<string, number>;
  readonly concerns: (job: Job) => boolean;
  readonly askedFor: (job: Job) => Record<string, string>;
}

async function round(
  conductor: Conductor,
  lease: LeaseKeeper,
  { userIds, concerns, ...start }: StartInput & { readonly userIds: ReadonlySet<string> },
  signals: Signals,
): Promise<{ open: Job[]; moved: boolean }> {
  const { clock, repository } = conductor;
  await lease.prove(); // also keeps it while there is nothing to send for hours
  const before = (await repository.jobs({ states: openJobStates })).filter(concerns);
  const lost = before.filter((job) => job.state === "submitting");
  if (lost.length > 0) await reconcileLost(conductor, lost, userIds, signals.cut);
  const ended = await watchRunning(
    conductor,
    before.filter((job) => job.state === "running"),
    signals.cut,
  );
  const temporaries = await watchTemporaries(
    conductor,
    before.filter((job) => job.state === "planned"),
    userIds,
    signals.cut,
  );
  const now = clock.now();
  for (const job of before)
    if (job.state === "planned" && now >= job.windowEndsAt) await cancelMissed(conductor, job, now);
  const started = signals.drain.aborted ? 0 : await startJobs(conductor, lease, { concerns, ...start }, signals);
  const open = (await repository.jobs({ states: openJobStates })).filter(concerns);
  return { open, moved: ended.length > 0 || started > 0 || temporaries > 0 };
}

/** Sends what the limits allow now. @returns how many were sent */
async function startJobs(
  conductor: Conductor,
  lease: LeaseKeeper,
  { askedFor, concerns, rank }: StartInput,
  signals: Signals,
): Promise<number> {
  const { reader, repository, settings } = conductor;
  const open = await repository.jobs({ states: openJobStates });
  const rankOf = (job: Job): number => rank.get(job.key) ?? -1;
  const waiting = open.filter((job) => job.state === "planned" && concerns(job)).sort((a, b) => rankOf(a) - rankOf(b));
  if (waiting.length === 0) return 0;
  const planned = waiting.filter(mayBeSent);
  const anyBackup = planned.some((job) => job.mechanism === "backup");
  const services = anyBackup ? await reader.backupServices(signals.cut) : [];
  const wanted = wantedTemporaries(waiting, settings.limits);
  const picked = pickJobs({
    planned: [...planned, ...wanted.map(asSnapshot)],
    inFlight: [
      // A stuck backup must not take the place of one that would run.
      ...open.filter((job) => job.state !== "planned" && job.stuckReportedAt === null),
      ...open.filter(isTemporaryInFlight).map(asSnapshot),
    ],
    limits: { ...settings.limits, perPolicy: limitsByPolicy(conductor) },
    backupServicesUp: services.filter((s) => s.state === "up" && s.status === "enabled").length,
  });
  const temporaries = new Map(wanted.map((job) => [temporaryKey(job.key), job]));
  const results = await Promise.allSettled(
    picked.map((job) => {
      const backup = temporaries.get(job.key);
      return backup === undefined
        ? submit(conductor, lease, { job, asked: askedFor(job) }, signals.cut)
        : requestTemporary(conductor, lease, backup, signals.cut);
    }),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return picked.length;
}

/** What `max_concurrent` of the policies says. */
function limitsByPolicy({ policyBook, settings }: Conductor): ReadonlyMap<string, number> {
  const policies = [...(policyBook?.().policies.values() ?? []), settings.policy];
  return new Map(
    policies.flatMap(({ maximumConcurrent, name }) =>
      maximumConcurrent === null ? [] : [[name, maximumConcurrent] as const],
    ),
  );
}
