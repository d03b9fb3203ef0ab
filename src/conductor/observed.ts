import { isOpen, type Job, type Operation } from "../domain/catalogue.ts";
import type { Run } from "../domain/runs.ts";
import type { Repository } from "../store/repository.ts";

/** Told of what has been written, right after it was. Must neither throw nor wait. */
export interface Observer {
  /** An operation, and the job it is about as it is now; null when it is about none, or the job is not known here. */
  onOperation?(operation: Operation, job: Job | null): void;
  onRunStarted?(run: Run): void;
  /** Whether this conductor holds the lease. */
  onLease?(held: boolean): void;
}

/** The same repository; what passes through it is told to the observers. */
export function observed(repository: Repository, observers: readonly Observer[]): Repository {
  const jobs = new OpenJobs();
  const tell = (operations: readonly Operation[]): void => {
    for (const operation of operations) {
      const job = jobs.get(operation.key);
      for (const observer of observers) observer.onOperation?.(operation, job);
    }
  };
  const tellLease = (held: boolean): void => {
    for (const observer of observers) observer.onLease?.(held);
  };
  return {
    ...repository,
    async acquireLease(request) {
      const lease = await repository.acquireLease(request);
      tellLease(lease !== null);
      return lease;
    },
    async renewLease(lease, now, ttlMs) {
      const renewed = await repository.renewLease(lease, now, ttlMs);
      tellLease(renewed !== null);
      return renewed;
    },
    async releaseLease(lease) {
      await repository.releaseLease(lease);
      tellLease(false);
    },
    async insertRun(run) {
      await repository.insertRun(run);
      for (const observer of observers) observer.onRunStarted?.(run);
    },
    async insertJobs(inserted, operations = []) {
      const added = await repository.insertJobs(inserted, operations);
      const isNew = (key: string | null): boolean => key !== null && added.has(key);
      jobs.put(inserted.filter((job) => isNew(job.key)));
      tell(operations.filter(({ key }) => isNew(key)));
      jobs.dropEnded();
      return added;
    },
    async jobs(filter) {
      const found = await repository.jobs(filter);
      jobs.put(found.filter(isOpen));
      return found;
    },
    async moveJob(change) {
      const moved = await repository.moveJob(change);
      if (!moved) return false;
      const job = jobs.get(change.key);
      if (job !== null) jobs.put([{ ...job, ...change.patch, state: change.to }]);
      tell(change.operations ?? []);
      jobs.dropEnded();
      return true;
    },
    async appendOperations(operations) {
      await repository.appendOperations(operations);
      tell(operations);
    },
  };
}

/** The jobs that passed by and have not ended: an operation names only the key of its job. */
class OpenJobs {
  readonly #byKey = new Map<string, Job>();
  readonly #ended: string[] = [];

  put(jobs: readonly Job[]): void {
    for (const job of jobs) {
      this.#byKey.set(job.key, job);
      if (!isOpen(job)) this.#ended.push(job.key);
    }
  }

  get(key: string | null): Job | null {
    return key === null ? null : (this.#byKey.get(key) ?? null);
  }

  dropEnded(): void {
    for (const key of this.#ended.splice(0)) this.#byKey.delete(key);
  }
}
