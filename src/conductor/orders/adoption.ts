import { planAdoption, type Adoption, type AdoptionPlan, type AdoptionWish } from "../../domain/adoption.ts";
import type { Backup } from "../../domain/inventory.ts";
import { resultOfLines, type OrderBody, type OrderLine, type OrderResult } from "../../domain/orders.ts";
import { CloudError, NoProjectAccess } from "../../openstack/errors.ts";
import { bookOf } from "../assign.ts";
import { operation, type Conductor, type Signals } from "../context.ts";
import type { LeaseKeeper } from "../lease.ts";
import { isOutage } from "../outage.ts";
import { changeMetadata } from "../parents.ts";
import { ourUserIds } from "../scan.ts";
import { entryFromMarks } from "../sync.ts";

type AdoptionOrder = Extract<OrderBody, { kind: "adopt" }>;

/** Plans what would become of snapshots of others, from what Cinder has now. Changes nothing. */
export async function previewAdoption(
  conductor: Conductor,
  input: {
    /** Which of the cloud's snapshots are meant. */
    readonly isMeant: (snapshot: Backup) => boolean;
    readonly wish: AdoptionWish;
  },
  signal: AbortSignal,
): Promise<AdoptionPlan> {
  const { clock, reader, repository } = conductor;
  const snapshots: Backup[] = [];
  for await (const snapshot of reader.listSnapshots({}, signal)) if (input.isMeant(snapshot)) snapshots.push(snapshot);
  const wanted = new Set(snapshots.map(({ volumeId }) => volumeId));
  const volumes = new Map<string, { readonly metadata: Readonly<Record<string, string>> }>();
  for await (const { id, metadata } of reader.listVolumes(signal)) if (wanted.has(id)) volumes.set(id, { metadata });
  const projects = new Set(snapshots.flatMap(({ projectId }) => projectId ?? []));
  const entries = await Promise.all([...projects].map((projectId) => repository.catalogue({ projectId })));
  return planAdoption(snapshots, {
    wish: input.wish,
    now: clock.now(),
    policies: bookOf(conductor).policies,
    volumes,
    userIds: await ourUserIds(conductor, signal),
    catalogue: new Map(entries.flat().map((entry) => [entry.backupId, entry])),
  });
}

/** Adopts snapshots: writes our marks beside what is there, reads them again, and remembers them in the catalogue. */
export async function workAdoption(
  conductor: Conductor,
  lease: LeaseKeeper,
  order: { readonly id: string; readonly body: AdoptionOrder },
  { cut, drain }: Signals,
): Promise<OrderResult | null> {
  const { repository } = conductor;
  const { body, id: runId } = order;
  const ids = new Set(body.snapshotIds);
  const isMeant = ({ id }: Backup): boolean => ids.has(id);
  const { adoptions, refusals } = await previewAdoption(conductor, { isMeant, wish: body.wish }, cut);
  // An interrupted order goes on: what it has adopted is done.
  const before = await repository.operations({ runId, kinds: ["mark_backup"] });
  const done = new Set(before.map((row) => row.backupId ?? ""));
  const lines: OrderLine[] = [];
  for (const { snapshot, reason, message } of refusals) {
    const isDone = done.has(snapshot.id);
    const outcome = isDone ? ("done" as const) : ("refused" as const);
    const line = { volumeId: snapshot.volumeId, backupId: snapshot.id, message };
    lines.push({ ...line, outcome, reason: isDone ? "taken_over" : reason });
    if (isDone) continue;
    const { projectId } = snapshot;
    await repository.appendOperations([operation(conductor, runId, { kind: "keep", reason, projectId, ...line })]);
  }
  for (const adoption of adoptions) {
    if (drain.aborted) return null;
    lines.push(await adoptOne(conductor, lease, { adoption, runId }, cut));
  }
  const known = new Set([...adoptions, ...refusals].map(({ snapshot }) => snapshot.id));
  for (const id of ids.difference(known)) {
    lines.push({ volumeId: null, backupId: id, outcome: "refused", reason: "no_such_snapshot", message: null });
  }
  return resultOfLines(lines);
}

async function adoptOne(
  conductor: Conductor,
  lease: LeaseKeeper,
  { adoption, runId }: { readonly adoption: Adoption; readonly runId: string },
  signal: AbortSignal,
): Promise<OrderLine> {
  const { clock, repository } = conductor;
  const { metadata, snapshot } = adoption;
  const { id: backupId, volumeId } = snapshot;
  const projectId = snapshot.projectId ?? "";
  const subject = { projectId, volumeId, backupId };
  const fail = async (reason: "refused" | "no_project_access", message: string, requestId: string | null) => {
    await repository.appendOperations([
      operation(conductor, runId, { kind: "fail", reason, message, requestId, ...subject }),
    ]);
    return { volumeId, backupId, outcome: "failed" as const, reason, message };
  };
  try {
    await lease.prove();
    const changed = await changeMetadata(conductor, { projectId, point: snapshot }, () => metadata, signal);
    if (changed === null) return await fail("refused", "the writer does not see it", null);
    if (!changed.done) return await fail("refused", "it does not show what was written", changed.requestId);
    // Marked and not in the catalogue it is nobody's: whatever comes between fails safe.
    const entry = { ...entryFromMarks({ ...snapshot, metadata }), adopted: true, goodAt: clock.now() };
    await repository.upsertCatalogue([entry]);
    const message = describe(adoption);
    const { requestId } = changed;
    await repository.appendOperations([
      operation(conductor, runId, { kind: "mark_backup", reason: "taken_over", message, requestId, ...subject }),
    ]);
    return { volumeId, backupId, outcome: "done", reason: "taken_over", message };
  } catch (error) {
    if (!(error instanceof CloudError) || isOutage(error)) throw error;
    const reason = error instanceof NoProjectAccess ? "no_project_access" : "refused";
    const needs = `the writer needs the role member in project ${projectId}`;
    return await fail(reason, `${error.message}; ${needs}`, error.requestId);
  }
}

const describe = ({ keepUntil, policy, retention }: Adoption): string => {
  const terms = [
    ...(keepUntil === null ? [] : [`until ${keepUntil.toISOString()}`]),
    ...(retention === null ? [] : [`by ${retention}`]),
  ];
  return `policy ${policy}, kept ${terms.length === 0 ? "until a retention is set" : terms.join(" and ")}`;
};
