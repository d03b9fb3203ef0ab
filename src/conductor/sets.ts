import { isOpen, type Job, type Operation } from "../domain/catalogue.ts";
import { consistencyOf, isOfSet } from "../domain/consistency.ts";
import { mutex } from "../store/mutex.ts";
import type { Repository } from "../store/repository.ts";
import { operation, type Conductor } from "./context.ts";

type Ending = Omit<Parameters<Repository["moveJob"]>[0], "key" | "to"> & {
  readonly to: "succeeded" | "failed" | "cancelled";
};

/** Of two jobs of a set that end at the same time one is the last. */
const oneAtATime = new WeakMap<Repository, ReturnType<typeof mutex>>();

/**
 * Ends a job, with its operations and entries. The last of a set brings the row that says what the set came to, in the same transaction, so that
 * neither a crash nor a second look leaves it out or doubles it.
 */
export async function endJob(conductor: Conductor, job: Job, ending: Ending): Promise<boolean> {
  const { repository } = conductor;
  if (!isOfSet(job)) return await repository.moveJob({ ...ending, key: job.key });
  const alone = oneAtATime.get(repository) ?? mutex();
  oneAtATime.set(repository, alone);
  return await alone(async () => {
    const set = await repository.jobs({ slot: job.slot, projectId: job.projectId, setId: job.setId });
    const others = set.filter(({ key }) => key !== job.key);
    const ended: Job = { ...job, ...ending.patch, state: ending.to };
    const isLast = others.length > 0 && !others.some(isOpen);
    const rows = isLast ? [await setRow(conductor, [...others, ended])] : [];
    return await repository.moveJob({ ...ending, key: job.key, operations: [...(ending.operations ?? []), ...rows] });
  });
}

async function setRow(conductor: Conductor, jobs: readonly Job[]): Promise<Operation> {
  const [job] = jobs;
  const sent = jobs.flatMap(({ submittedAt }) => (submittedAt === null ? [] : [Number(submittedAt)]));
  const answers =
    job === undefined || sent.length === 0
      ? []
      : await conductor.repository.operations({
          projectId: job.projectId,
          kinds: ["create"],
          since: new Date(Math.min(...sent)),
        });
  const { complete, message } = consistencyOf(jobs, answers);
  return operation(conductor, job?.runId ?? "", {
    kind: "set",
    reason: complete ? "set_complete" : "set_partial",
    projectId: job?.projectId ?? null,
    serverId: job?.serverId ?? null,
    key: job?.setId ?? null,
    message,
  });
}
