import assert from "node:assert/strict";
import { after, describe } from "node:test";
import fc from "fast-check";
import { planTracks, type CyclePlan } from "../../src/conductor/plan.ts";
import type { ConductorSettings } from "../../src/conductor/context.ts";
import { assignPolicies, type Assignment } from "../../src/domain/assignment.ts";
import { isOpen, type Job, type JobState } from "../../src/domain/catalogue.ts";
import { workKey } from "../../src/domain/marks.ts";
import { readPoints } from "../../src/domain/points.ts";
import { defaultPolicy, every, type Policy } from "../../src/domain/policy.ts";
import type { PolicyBook } from "../../src/domain/policy-book.ts";
import type { Rule } from "../../src/domain/rules.ts";
import { tracksOf, type Track } from "../../src/domain/tracks.ts";
import { dayMs, selection, smallClouds, type Cloud } from "./support/clouds.ts";
import { judgeTogether } from "./support/judged.ts";

/** The rules of planning with several policies at once, for any cloud, history and metadata. */

interface Situation {
  readonly cloud: Cloud;
  readonly book: PolicyBook;
}

const everything: Rule["match"] = { kind: "all", of: [] };
const attach = (name: string, policies: readonly string[], goesOn: boolean): Rule => ({
  name,
  priority: 10,
  match: everything,
  effect: { kind: "attach", policies, retention: new Map([["six", { last: 9 }]]), continue: goesOn },
});

const key = fc.constantFrom(
  "backup_policy",
  "backup_retention",
  "auto_snapshot",
  "snapshot_policies",
  "retention_six",
  "x-snapsentry-managed",
  "x-snapsentry-daily-enabled",
  "x-snapsentry-express-enabled",
);
const written = fc.dictionary(key, fc.constantFrom("true", "gold", "six, nightly", "nonsense", "1d", "0", "-1", ""), {
  maxKeys: 5,
});

const situations: fc.Arbitrary<Situation> = fc
  .record({
    cloud: smallClouds,
    metadata: fc.array(written, { minLength: 6, maxLength: 6 }),
    rules: fc.subarray([attach("first", ["gold", "six"], true), attach("second", ["nightly"], false)]),
    excluded: fc.boolean(),
    fullEvery: fc.constantFrom(1, 2, 7),
    maximumChainAgeMs: fc.constantFrom(null, 3 * dayMs),
  })
  .map(({ cloud, metadata, rules, excluded, fullEvery, maximumChainAgeMs }) => {
    let drawn = 0;
    const add = <T extends { readonly metadata: Readonly<Record<string, string>> }>(resource: T): T => ({
      ...resource,
      metadata: { ...resource.metadata, ...metadata[drawn++ % metadata.length] },
    });
    const volumes = new Map([...cloud.volumes].map(([id, volume]) => [id, add(volume)]));
    const policies: Policy[] = [
      cloud.policy,
      {
        ...defaultPolicy,
        name: "gold",
        mechanisms: ["backup", "snapshot"],
        fullEvery,
        maximumChainAgeMs,
        priority: 10,
      },
      { ...defaultPolicy, name: "six", mechanisms: ["snapshot"], ...every(dayMs / 4), jitterMs: dayMs / 8 },
      { ...defaultPolicy, name: "nightly", windowMs: dayMs / 3, fullEvery },
    ];
    const [first] = volumes.keys();
    return {
      cloud: { ...cloud, servers: cloud.servers.map(add), volumes },
      book: {
        policies: new Map(policies.map((policy) => [policy.name, policy])),
        rules,
        exclusions:
          excluded && first !== undefined ? [{ scope: "volume", id: first, reason: "scratch", until: null }] : [],
        version: null,
      },
    };
  });

interface Planned extends CyclePlan {
  readonly assignment: Assignment;
  readonly tracks: readonly Track[];
}

function plan({ cloud, book }: Situation, jobs: readonly Job[] = cloud.jobs): Planned {
  const assignment = assignPolicies({
    now: cloud.now,
    servers: cloud.servers,
    volumes: cloud.volumes,
    projects: new Map(),
    selection,
    book,
    builtIn: cloud.policy,
    overridesSeen: [],
    readsPlatform9: true,
  });
  const tracks = tracksOf(assignment.targets, cloud.now);
  const points = readPoints(cloud);
  const settings: Pick<ConductorSettings, "policy" | "selection" | "timeZone" | "nameTemplate" | "fromSnapshotTypes"> =
    {
      fromSnapshotTypes: [],
      policy: cloud.policy,
      selection,
      timeZone: cloud.timeZone,
      nameTemplate: "{VOLUME_NAME}-{BACKUP_DATE}",
    };
  const planned = planTracks(
    settings as ConductorSettings,
    { runId: "run-1", now: cloud.now, assignment, tracks, inventory: cloud, jobs, overridesSeen: [] },
    (mechanism) => (mechanism === "backup" ? points : new Map()),
  );
  return { ...planned, assignment, tracks };
}

interface Case {
  readonly situation: Situation;
  /** What is planned now. */
  readonly planned: Planned;
  readonly state: JobState;
  readonly metadata: Readonly<Record<string, string>>;
  readonly skips: boolean;
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    situation: situations,
    state: fc.constantFrom<JobState[]>("planned", "submitting", "running", "succeeded", "failed", "cancelled"),
    metadata: written,
    skips: fc.boolean(),
  })
  .map((made) => ({ ...made, planned: plan(made.situation) }));

/** Each is judged by all properties. `npm run soak` asks for a million. */
const property = judgeTogether(cases, "SEVERAL_POLICIES_RUNS");

describe("several policies at once, for any cloud", () => {
  let jobsSeen = 0;
  let built = 0;
  after(() => assert.ok(jobsSeen > 0 && built > 0, "the situations need work"));

  property("make one decision for each volume, policy, slot and mechanism, each with a key of its own", (given) => {
    const { jobs, skips, tracks } = given.planned;
    jobsSeen += jobs.length;
    const expected = tracks.flatMap(({ policy, mechanism, slot, targets }) =>
      targets.flatMap(({ server, volumeIds }) => {
        const ids = volumeIds.length === 0 ? [server?.id ?? ""] : volumeIds;
        return ids.map((id) => `${workKey(id, policy.name, slot.id, mechanism)} with ${server?.id ?? ""}`);
      }),
    );
    const decided = [...jobs, ...skips].map((each) => `${each.key} with ${each.serverId}`);
    assert.deepEqual(decided.sort(), expected.sort());
    assert.equal(new Set(jobs.map((job) => job.key)).size, jobs.length);
  });

  property("plan nothing a second time once the jobs are recorded, in whatever state", (given) => {
    const { planned, situation, state } = given;
    const recorded = planned.jobs.map((job): Job => ({ ...job, state }));
    // Another try is recorded in place of the one before.
    const keys = new Set(recorded.map(({ key }) => key));
    const others = situation.cloud.jobs.filter((job) => !keys.has(job.key));
    assert.deepEqual(plan(situation, [...others, ...recorded]).jobs, []);
  });

  property("start nothing on a volume that has an open job", (given) => {
    const { planned, situation } = given;
    const busy = new Set(situation.cloud.jobs.filter(isOpen).map((job) => job.volumeId));
    assert.deepEqual(
      planned.jobs.filter((job) => busy.has(job.volumeId)),
      [],
    );
  });

  property(
    "leave no volume unsaid that was protected without its tenants' metadata; what asks to be skipped is skipped by name",
    (given) => {
      const { metadata, situation, skips } = given;
      const { cloud } = situation;
      const added = { ...metadata, ...(skips ? { [selection.skipKey]: "yes" } : {}) };
      const asked: Situation = {
        ...situation,
        cloud: {
          ...cloud,
          servers: cloud.servers.map((s) => ({ ...s, metadata: { ...s.metadata, ...metadata } })),
          volumes: new Map([...cloud.volumes].map(([id, v]) => [id, { ...v, metadata: { ...v.metadata, ...added } }])),
        },
      };
      const bare: Situation = {
        ...situation,
        cloud: {
          ...cloud,
          servers: cloud.servers.map((s) => ({ ...s, metadata: bareOf(s.metadata) })),
          volumes: new Map([...cloud.volumes].map(([id, v]) => [id, { ...v, metadata: bareOf(v.metadata) }])),
        },
      };
      const said = (planned: Planned): Set<string> =>
        new Set([...planned.jobs, ...planned.skips].flatMap(({ volumeId }) => volumeId ?? []));
      const after = plan(asked);
      assert.deepEqual([...said(plan(bare)).difference(said(after))], []);
      if (!skips) return;
      assert.deepEqual(after.jobs, []);
    },
  );

  property(
    "keep every chain below the limit of the policy that adds to it, with all that is made ahead of it",
    (given) => {
      const { planned, situation } = given;
      const points = readPoints(situation.cloud);
      const lengths = new Map<string, number>();
      for (const job of planned.jobs.filter(({ mechanism }) => mechanism === "backup")) {
        const chain = points
          .get(job.volumeId)
          ?.chains.find(({ members }) => members.some(({ backup }) => backup.id === job.parentId));
        const before = lengths.get(job.volumeId);
        if (job.mode === "incremental" && before !== undefined) built += 1;
        assert.equal(job.mode === "incremental" && before !== undefined ? job.parentId : null, null);
        const length = job.mode === "full" ? 1 : (before ?? chain?.members.length ?? 0) + 1;
        lengths.set(job.volumeId, length);
        const limit = situation.book.policies.get(job.policy)?.fullEvery ?? 0;
        assert.ok(length <= limit, `${length} of ${limit}`);
      }
    },
  );

  property("do not depend on the order of what is listed", (given) => {
    const { planned, situation } = given;
    const { cloud } = situation;
    const reversed: Situation = {
      ...situation,
      cloud: {
        ...cloud,
        servers: cloud.servers.toReversed(),
        volumes: new Map([...cloud.volumes].toReversed()),
        backups: cloud.backups.toReversed(),
        jobs: cloud.jobs.toReversed(),
      },
    };
    const [one, other] = [planned, plan(reversed)];
    assert.deepEqual(other.jobs, one.jobs);
    assert.deepEqual(other.skips, one.skips);
    assert.deepEqual(other.notices, one.notices);
    const seen = ({ overridesSeen }: Planned): string[] => overridesSeen.map((row) => JSON.stringify(row)).sort();
    assert.deepEqual(seen(other), seen(one));
  });
});

/** The tag stays: who takes it away says so. */
const bareOf = (metadata: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(metadata).filter(([name]) => name === selection.tagKey));
