import { planAdoption, type Adoption, type AdoptionPlan, type AdoptionWish } from "../../domain/adoption.ts";
import type { Backup, Mechanism } from "../../domain/inventory.ts";
import { isMark } from "../../domain/marks.ts";
import { resultOfLines, type OrderBody, type OrderLine, type OrderResult } from "../../domain/orders.ts";
import { CloudError, NoProjectAccess } from "../../openstack/errors.ts";
import { bookOf } from "../assign.ts";
import { operation, type Conductor, type Signals } from "../context.ts";
import type { LeaseKeeper } from "../lease.ts";
import { listPoints } from "../mechanism.ts";
import { isOutage } from "../outage.ts";
import { changeMetadata, findParents } from "../parents.ts";
import { ourUserIds } from "../scan.ts";
import { entryFromMarks } from "../sync.ts";

type AdoptionOrder = Extract<OrderBody, { kind: "adopt" }>;

/** Plans what would become of backups and snapshots of others, from what Cinder has now. Changes nothing. */
export async function previewAdoption(
  conductor: Conductor,
  input: {
    /** What is listed. */
    readonly mechanisms: readonly Mechanism[];
    /** Which of the cloud's backups and snapshots are meant. */
    readonly isMeant: (point: Backup) => boolean;
    readonly wish: AdoptionWish;
  },
  signal: AbortSignal,
): Promise<AdoptionPlan> {
  const { clock, reader, repository } = conductor;
  const points: Backup[] = [];
  const siblings: Backup[] = [];
  for (const mechanism of input.mechanisms) {
    for await (const point of listPoints(reader, mechanism, {}, signal)) {
      if (mechanism === "backup") siblings.push(point);
      if (input.isMeant(point)) points.push(point);
    }
  }
  const wanted = new Set(points.map(({ volumeId }) => volumeId));
  const volumes = new Map<string, { readonly metadata: Readonly<Record<string, string>> }>();
  for await (const { id, metadata } of reader.listVolumes(signal)) if (wanted.has(id)) volumes.set(id, { metadata });
  const projects = new Set(points.flatMap(({ projectId }) => projectId ?? []));
  const entries = await Promise.all([...projects].map((projectId) => repository.catalogue({ projectId })));
  const incrementals = points.filter(({ isIncremental }) => isIncremental);
  return planAdoption(points, {
    wish: input.wish,
    now: clock.now(),
    policies: bookOf(conductor).policies,
    volumes,
    userIds: await ourUserIds(conductor, signal),
    catalogue: new Map(entries.flat().map((entry) => [entry.backupId, entry])),
    parents: await findParents(conductor, { incrementals, siblings }, signal),
    siblings: new Map(siblings.flatMap((row) => (wanted.has(row.volumeId) ? [[row.id, row] as const] : []))),
  });
}

/** Adopts backups and snapshots: writes our marks beside what is there, reads them again, and remembers them in the catalogue. */
export async function workAdoption(
  conductor: Conductor,
  lease: LeaseKeeper,
  order: { readonly id: string; readonly body: AdoptionOrder },
  { cut, drain }: Signals,
): Promise<OrderResult | null> {
  const { repository } = conductor;
  const { body, id: runId } = order;
  const { mechanisms, wish } = body;
  const ids = new Set(body.ids);
  const isMeant = ({ id }: Backup): boolean => ids.has(id);
  const { adoptions, refusals } = await previewAdoption(conductor, { mechanisms, isMeant, wish }, cut);
  // An interrupted order goes on: what it has adopted is done.
  const before = await repository.operations({ runId, kinds: ["mark_backup"] });
  const done = new Set(before.map((row) => row.backupId ?? ""));
  const lines: OrderLine[] = [];
  for (const { point, reason, message } of refusals) {
    const isDone = done.has(point.id);
    const outcome = isDone ? ("done" as const) : ("refused" as const);
    const line = { volumeId: point.volumeId, backupId: point.id, message };
    lines.push({ ...line, outcome, reason: isDone ? "taken_over" : reason });
    if (isDone) continue;
    const { projectId } = point;
    await repository.appendOperations([operation(conductor, runId, { kind: "keep", reason, projectId, ...line })]);
  }
  const failed = new Set<string>();
  for (const adoption of adoptions) {
    if (drain.aborted) return null;
    const line = await adoptOne(conductor, lease, { adoption, failed, runId }, cut);
    if (line.outcome !== "done") failed.add(adoption.point.id);
    lines.push(line);
  }
  const known = new Set([...adoptions, ...refusals].map(({ point }) => point.id));
  for (const id of ids.difference(known)) {
    lines.push({ volumeId: null, backupId: id, outcome: "refused", reason: "no_such_point", message: null });
  }
  return resultOfLines(lines);
}

async function adoptOne(
  conductor: Conductor,
  lease: LeaseKeeper,
  input: {
    readonly adoption: Adoption;
    /** Ids of those that were not adopted after all: nothing that is built on them is. */
    readonly failed: ReadonlySet<string>;
    readonly runId: string;
  },
  signal: AbortSignal,
): Promise<OrderLine> {
  const { repository } = conductor;
  const { adoption, failed, runId } = input;
  const { metadata, parentId, point } = adoption;
  const { id: backupId, volumeId } = point;
  const projectId = point.projectId ?? "";
  const subject = { projectId, volumeId, backupId };
  const fail = async (
    reason: "refused" | "no_project_access" | "parent_not_adopted",
    message: string,
    requestId: string | null,
  ) => {
    await repository.appendOperations([
      operation(conductor, runId, { kind: "fail", reason, message, requestId, ...subject }),
    ]);
    return { volumeId, backupId, outcome: "failed" as const, reason, message };
  };
  if (parentId !== null && failed.has(parentId)) return await fail("parent_not_adopted", parentId, null);
  try {
    await lease.prove();
    // What somebody has written beside our marks since stays.
    const change = (now: Metadata): Metadata => ({ ...pick(now, (key) => !isMark(key)), ...pick(metadata, isMark) });
    const changed = await changeMetadata(conductor, { projectId, point }, change, signal);
    if (changed === null) return await fail("refused", "the writer does not see it", null);
    if (!changed.done) return await fail("refused", "it does not show what was written", changed.requestId);
    // Marked and not in the catalogue it is nobody's: whatever comes between fails safe.
    const read = entryFromMarks({ ...point, metadata });
    const entry = {
      ...read,
      adopted: true,
      parentVerified: true,
      held: read.held || adoption.entry?.held === true,
      goodAt: adoption.entry?.goodAt ?? point.createdAt,
      deleteSentAt: adoption.entry?.deleteSentAt ?? null,
    };
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

type Metadata = Readonly<Record<string, string>>;

const pick = (metadata: Metadata, takes: (key: string) => boolean): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([key]) => takes(key)));

const describe = ({ keepUntil, policy, retention }: Adoption): string => {
  const terms = [
    ...(keepUntil === null ? [] : [`until ${keepUntil.toISOString()}`]),
    ...(retention === null ? [] : [`by ${retention}`]),
  ];
  return `policy ${policy}, kept ${terms.length === 0 ? "until a retention is set" : terms.join(" and ")}`;
};
