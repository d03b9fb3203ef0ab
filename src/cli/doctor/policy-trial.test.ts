import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Actor, GuardedKind, TriedRule } from "../../openstack/actor.ts";
import { CloudError } from "../../openstack/errors.ts";
import { tryPolicy, type PolicyTrial } from "./policy-trial.ts";

interface Row {
  readonly kind: GuardedKind | "volume";
  readonly by: string;
  metadata: Readonly<Record<string, string>>;
}

const cloudError = (status: number): CloudError =>
  new CloudError("no", {
    kind: "answer",
    service: "block-storage",
    method: "POST",
    route: "backups",
    status,
    requestId: null,
    sentRequestId: null,
    reached: "yes",
  });

/** A cloud of three users where all is done at once, with whatever guard. */
function cloudWith(
  guard: (who: string, row: Row, rule: TriedRule) => boolean,
  options: { readonly failsToMake?: GuardedKind } = {},
) {
  const rows = new Map<string, Row>();
  let next = 0;
  const add = (row: Row): string => {
    next += 1;
    rows.set(`${row.kind}-${next}`, row);
    return `${row.kind}-${next}`;
  };
  const actor = (who: string): Actor => ({
    whoAmI: () => Promise.resolve({ userId: who, projectId: "p" }),
    inProject: () => actor(who),
    createVolume: () => Promise.resolve(add({ kind: "volume", by: who, metadata: {} })),
    create: (kind, { metadata }) =>
      kind === options.failsToMake
        ? Promise.reject(cloudError(413))
        : Promise.resolve(add({ kind, by: who, metadata })),
    volumeStatus: (id) => Promise.resolve(rows.has(id) ? "available" : null),
    look(_kind, id) {
      const row = rows.get(id);
      return Promise.resolve(row === undefined ? null : { status: "available", metadata: row.metadata });
    },
    attempt(rule, id) {
      const row = rows.get(id);
      if (row === undefined) return Promise.resolve({ status: 404, accepted: false, message: "gone" });
      if (!guard(who, row, rule)) return Promise.resolve({ status: 403, accepted: false, message: "no" });
      if (/delete$|delete_snapshot$/.test(rule)) rows.delete(id);
      else if (/update/.test(rule)) row.metadata = {};
      return Promise.resolve({ status: 202, accepted: true, message: null });
    },
    deleteVolume(id) {
      if (rows.size > 1) return Promise.reject(cloudError(400));
      rows.delete(id);
      return Promise.resolve();
    },
    close: () => undefined,
  });
  return { rows, actors: { member: actor("member"), writer: actor("writer"), admin: actor("admin") } };
}

const isAutomated = (row: Row): boolean => row.by === "writer" || row.metadata["__automated_backup"] === "True";
const asItShould = (who: string, row: Row): boolean => who === "writer" || !isAutomated(row);

async function run(
  { actors }: ReturnType<typeof cloudWith>,
  signal = new AbortController().signal,
): Promise<PolicyTrial> {
  const clock = { now: () => new Date(0), monotonicMs: () => 0, sleep: () => Promise.resolve() };
  return tryPolicy(actors, { projectId: "p", id: "1", volumeType: null, clock, signal, progress: () => undefined });
}

const accepted = ({ tried }: PolicyTrial): readonly string[] =>
  tried.filter(({ answer }) => answer.accepted).map(({ who, on, rule }) => `${who} ${on} ${rule}`);

describe("trying a policy", () => {
  const own = [
    "member own volume:update_snapshot",
    "member own volume:update_snapshot_metadata",
    "member own volume:delete_snapshot",
  ];

  it("finds the guard where it is, and leaves nothing behind", async () => {
    const cloud = cloudWith(asItShould);
    const trial = await run(cloud);
    assert.deepEqual(accepted(trial), [
      "writer automated volume:delete_snapshot",
      ...own,
      "writer automated backup:delete",
      "member own backup:update",
      "member own backup:delete",
    ]);
    assert.equal(trial.tried.length, 17);
    assert.deepEqual([trial.changed, trial.problem, trial.left, cloud.rows.size], [[], null, [], 0]);
  });

  it("finds that there is none, and still leaves nothing behind", async () => {
    const cloud = cloudWith(() => true);
    const trial = await run(cloud);
    // What a member has deleted, nobody can try any more.
    assert.ok(accepted(trial).includes("member automated backup:delete"));
    assert.deepEqual([trial.problem, trial.left, cloud.rows.size], [null, [], 0]);
  });

  it("finds that a refused call changed something", async () => {
    const cloud = cloudWith((who, row, rule) => {
      if (rule === "backup:update" && who === "member" && isAutomated(row)) row.metadata = {};
      return asItShould(who, row);
    });
    assert.deepEqual((await run(cloud)).changed, ["backup"]);
  });

  it("names what nobody may remove", async () => {
    const trial = await run(cloudWith((_who, row) => !isAutomated(row)));
    assert.deepEqual(trial.left, ["snapshot snapshot-2", "backup backup-4", "volume volume-1"]);
  });

  it("cleans up when something cannot be made, and when it is interrupted", async () => {
    const withoutQuota = cloudWith(asItShould, { failsToMake: "backup" });
    const trial = await run(withoutQuota);
    assert.match(trial.problem ?? "", /answered 413/);
    assert.deepEqual([trial.left, withoutQuota.rows.size], [[], 0]);

    const stop = new AbortController();
    const interrupted = cloudWith((who, row) => {
      if (stop.signal.aborted) return asItShould(who, row);
      stop.abort();
      throw cloudError(503);
    });
    const ended = await run(interrupted, stop.signal);
    assert.deepEqual([ended.problem, ended.left, interrupted.rows.size], ["interrupted", [], 0]);
  });
});
