import { planTracks } from "../../../src/conductor/plan.ts";
import type { ConductorSettings } from "../../../src/conductor/context.ts";
import { marksOf } from "../../../src/conductor/submit.ts";
import { askedMarks } from "../../../src/domain/asked-marks.ts";
import { assignPolicies } from "../../../src/domain/assignment.ts";
import { promiseOf, type Job, type OverrideSeen } from "../../../src/domain/catalogue.ts";
import type { Backup } from "../../../src/domain/inventory.ts";
import { indexSeen } from "../../../src/domain/overrides.ts";
import { readByMechanism } from "../../../src/domain/points.ts";
import { newestOnly, type Policy } from "../../../src/domain/policy.ts";
import type { PolicyBook } from "../../../src/domain/policy-book.ts";
import { recallRequests } from "../../../src/domain/recalled-requests.ts";
import { tracksOf } from "../../../src/domain/tracks.ts";
import { aBackup, aServer, aVolume, dailyPolicy } from "./builders.ts";
import { dayMs, ourUser, selection } from "./clouds.ts";

const start = Date.parse("2026-11-01T00:05:00Z");

/** Of the built-in policy, which keeps 14 days, and at least 3. */
export const builtIn: Policy = { ...dailyPolicy, fullEvery: 1 };

const snapshots = (name: string, fields: Partial<Policy>): Policy => ({
  ...dailyPolicy,
  name,
  mechanisms: ["snapshot"],
  ...fields,
});

const book: PolicyBook = {
  policies: new Map(
    [
      builtIn,
      snapshots("six", { retentionMs: 0, thinning: newestOnly(6, "UTC") }),
      snapshots("gold", { retentionMs: 30 * dayMs }),
      snapshots("weak", { retentionMs: 3 * dayMs }),
    ].map((policy) => [policy.name, policy]),
  ),
  rules: [
    {
      name: "scratch",
      priority: 1,
      match: { kind: "metadata", of: "volume", key: "role", test: { by: "equals", anyOf: ["scratch"] } },
      effect: { kind: "exclude" },
    },
  ],
  exclusions: [],
  version: null,
};

const settings: Pick<ConductorSettings, "policy" | "selection" | "timeZone" | "nameTemplate" | "fromSnapshotTypes"> = {
  policy: builtIn,
  selection,
  timeZone: "UTC",
  nameTemplate: "{VOLUME_NAME}",
  fromSnapshotTypes: [],
};

type Metadata = Readonly<Record<string, string>>;

/** A server with its volume, whose owner asks now for this and now for that, and what a conductor makes of it. Everything it makes turns out good. */
export class AskingCloud {
  server: Metadata = { backup: "yes" };
  volume: Metadata = {};
  attached = true;
  readonly points: Backup[] = [];
  /** `null`: the database is empty. */
  #seen: readonly OverrideSeen[] | null = null;
  #jobs: readonly Job[] = [];

  /** @param days since the first of November 2026 @returns what is made */
  run(days: number): readonly Job[] {
    const now = new Date(start + days * dayMs);
    const volume = aVolume("v1", { metadata: this.volume, serverIds: this.attached ? ["s1"] : [] });
    const server = aServer("s1", { metadata: this.server, volumeIds: this.attached ? ["v1"] : [] });
    const volumes = new Map([["v1", volume]]);
    const servers = [server];
    const userIds = new Set([ourUser]);
    const { policies } = book;
    const known =
      this.#seen ??
      recallRequests({ points: this.points, userIds, servers, volumes, selection, policy: builtIn, policies });
    const assignment = assignPolicies({
      now,
      servers,
      volumes,
      projects: new Map(),
      selection,
      book,
      builtIn,
      overridesSeen: known,
      readsPlatform9: true,
    });
    const points = readByMechanism({ backups: this.points, catalogue: new Map(), userIds });
    const { jobs, overridesSeen } = planTracks(
      settings as ConductorSettings,
      {
        runId: "run-1",
        now,
        assignment,
        tracks: tracksOf(assignment.targets, now),
        inventory: { volumes },
        jobs: this.#jobs,
        overridesSeen: known,
      },
      (mechanism) => points[mechanism],
    );
    this.#seen = overridesSeen;
    this.#jobs = jobs.map((job) => ({ ...job, state: "succeeded" }));
    const seen = indexSeen(overridesSeen);
    for (const job of jobs) {
      const { mechanism, volumeId } = job;
      const marks = marksOf(job, askedMarks(job, seen, { selection, policy: builtIn }));
      this.points.push(aBackup(job.key, now.toISOString(), { mechanism, volumeId, marks }));
    }
    return jobs;
  }

  /** What is left are the marks on the restore points. */
  loseDatabase(): void {
    this.#seen = null;
    this.#jobs = [];
  }

  /** What is remembered, as `key value@day`. */
  remembered(): string[] {
    return (this.#seen ?? []).map(
      ({ firstSeenAt, key, resourceId, value }) =>
        `${resourceId} ${key} ${value}@${Math.round((Number(firstSeenAt) - start) / dayMs)}`,
    );
  }
}

/** For how many days a job's restore point is promised, or how many of the newest are kept. */
export const promisedBy = (job: Job): { readonly days: number; readonly last: number } => ({
  days: (Number(promiseOf(job)) - Date.parse(job.slot)) / dayMs,
  last: Number(/last=(\d+)/.exec(job.retention ?? "")?.[1] ?? 0),
});
