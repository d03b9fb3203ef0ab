import type { CatalogueEntry, Operation } from "../../domain/catalogue.ts";
import type { Backup, Mechanism } from "../../domain/inventory.ts";
import { isMark, mark, markTime, readMarks } from "../../domain/marks.ts";
import { resultOfLines, type OrderBody, type OrderLine, type OrderResult } from "../../domain/orders.ts";
import { kindOf, readPoints, type VolumePoints } from "../../domain/points.ts";
import type { Reason } from "../../domain/reasons.ts";
import { whyNotDisowned } from "../../domain/removal.ts";
import { CloudError, NoProjectAccess } from "../../openstack/errors.ts";
import { operation, type Conductor, type Signals } from "../context.ts";
import type { LeaseKeeper } from "../lease.ts";
import { childrenOf, findPoint, getPoint, listPoints } from "../mechanism.ts";
import { isOutage } from "../outage.ts";
import { changeMetadata } from "../parents.ts";
import { ourUserIds } from "../scan.ts";

type MarkingOrder = Extract<OrderBody, { kind: "hold" | "unhold" | "disown" }> & {
  /** What the ids are of; both may be meant where it is not given. */
  readonly mechanism?: Mechanism;
};

/** Cinder's limit for a metadata value. */
const valueLength = 255;

type Metadata = Readonly<Record<string, string>>;

/** One backup of an order, as it was found. */
interface Subject {
  readonly backup: Backup;
  readonly projectId: string;
  readonly entry: CatalogueEntry | null;
}

/** Why it is not done; `null` when it may be. */
interface Refused {
  readonly reason: Reason;
  readonly message: string | null;
}

const refuse = (reason: Reason, message: string | null = null): Refused => ({ reason, message });

/** Holds, unholds or disowns backups: writes their marks, each read again afterwards, and the catalogue. */
export async function workMarking(
  conductor: Conductor,
  lease: LeaseKeeper,
  order: { readonly id: string; readonly body: MarkingOrder },
  signals: Signals,
): Promise<OrderResult | null> {
  const { body, id: runId } = order;
  const userIds = await ourUserIds(conductor, signals.cut);
  const lines: OrderLine[] = [];
  for (const id of body.backupIds) {
    if (signals.drain.aborted) return null;
    lines.push(await workOne(conductor, lease, { body, id, runId, userIds, signal: signals.cut }));
  }
  return resultOfLines(lines);
}

async function workOne(
  conductor: Conductor,
  lease: LeaseKeeper,
  input: { body: MarkingOrder; id: string; runId: string; userIds: ReadonlySet<string>; signal: AbortSignal },
): Promise<OrderLine> {
  const { body, id, runId, userIds, signal } = input;
  const { reader, repository } = conductor;
  const backup = await (body.mechanism === undefined
    ? findPoint(reader, id, signal)
    : getPoint(reader, { mechanism: body.mechanism, id }, signal));
  const volumeId = backup?.volumeId ?? null;
  const line = (outcome: OrderLine["outcome"], { reason, message }: Refused): OrderLine => ({
    volumeId,
    backupId: id,
    outcome,
    reason,
    message,
  });
  if (backup === null) {
    const none = refuse(body.mechanism === "snapshot" ? "no_such_snapshot" : "no_such_backup");
    await repository.appendOperations([operation(conductor, runId, { kind: "keep", backupId: id, ...none })]);
    return line("refused", none);
  }
  const { projectId } = backup;
  if (projectId === null) return line("refused", refuse("unproven_reader"));
  const row = (fields: Pick<Operation, "kind" | "reason"> & Partial<Operation>): Operation =>
    operation(conductor, runId, { projectId, volumeId, backupId: id, ...fields });
  const entry = (await repository.catalogue({ projectId })).find(({ backupId }) => backupId === id) ?? null;
  const refused = await whyRefused(conductor, body, { backup, projectId, entry }, { userIds, signal });
  if (refused !== null) {
    await repository.appendOperations([row({ kind: "keep", ...refused })]);
    return line("refused", refused);
  }
  const reason = doneReasons[body.kind];
  try {
    // What protects more is remembered before it is written, what protects less after it: whatever comes between fails safe.
    if (body.kind === "hold" && entry !== null) await repository.patchCatalogueEntry(id, { held: true });
    await lease.prove();
    const changed = await changeMetadata(
      conductor,
      { projectId, point: backup },
      changeOf(body, conductor.clock.now()),
      signal,
    );
    if (changed?.done !== true) {
      const message = changed === null ? "the writer does not see it" : "it does not show what was written";
      await repository.appendOperations([row({ kind: "fail", reason: "refused", message })]);
      return line("failed", refuse("refused", message));
    }
    if (body.kind === "unhold" && entry !== null) await repository.patchCatalogueEntry(id, { held: false });
    // Out of the catalogue: a rebuild would not find it any more either.
    if (body.kind === "disown" && entry !== null) {
      await repository.patchCatalogueEntry(id, { goneAt: conductor.clock.now() });
    }
    const message = body.kind === "hold" ? body.note : null;
    await repository.appendOperations([row({ kind: "mark_backup", reason, requestId: changed.requestId, message })]);
    return line("done", refuse(reason));
  } catch (error) {
    if (!(error instanceof CloudError) || isOutage(error)) throw error;
    const why = error instanceof NoProjectAccess ? ("no_project_access" as const) : ("refused" as const);
    const { message, requestId } = error;
    await repository.appendOperations([row({ kind: "fail", reason: why, message, requestId })]);
    return line("failed", refuse(why, `${message}; the writer needs the role member in project ${projectId}`));
  }
}

const doneReasons = { hold: "held", unhold: "unheld", disown: "disowned" } as const satisfies Record<
  MarkingOrder["kind"],
  Reason
>;

function changeOf(body: MarkingOrder, now: Date): (metadata: Metadata) => Metadata {
  switch (body.kind) {
    case "hold": {
      const note = body.note === null ? "" : ` ${body.note}`;
      const value = Array.from(`${markTime(now)}${note}`)
        .slice(0, valueLength)
        .join("");
      // The first hold says since when.
      return (metadata) => (metadata[mark.hold] === undefined ? { ...metadata, [mark.hold]: value } : metadata);
    }
    case "unhold":
      return (metadata) => without(metadata, (key) => key === mark.hold);
    case "disown":
      return (metadata) => without(metadata, isMark);
  }
}

const without = (metadata: Metadata, drops: (key: string) => boolean): Metadata =>
  Object.fromEntries(Object.entries(metadata).filter(([key]) => !drops(key)));

async function whyRefused(
  conductor: Conductor,
  body: MarkingOrder,
  subject: Subject,
  { userIds, signal }: { userIds: ReadonlySet<string>; signal: AbortSignal },
): Promise<Refused | null> {
  const { backup, entry } = subject;
  const kind = kindOf(backup, userIds, entry);
  const held = readMarks(backup.metadata).held || entry?.held === true;
  switch (body.kind) {
    case "hold":
      return kind === "ours" ? null : refuse(kind === "foreign" ? "not_ours" : kind);
    case "unhold":
      return held ? null : refuse("not_held");
    case "disown": {
      if (!Object.keys(backup.metadata).some(isMark)) return refuse("not_marked");
      // A hold of somebody else's means nothing to us.
      if (kind !== "ours") return null;
      if (held) return refuse("keep_held");
      const volume = await volumeOf(conductor, subject, { userIds, signal });
      return whyNotDisowned(backup.id, volume, new Set(body.backupIds));
    }
  }
}

/** All restore points of a volume that are made as this one is, with their real parents. */
async function volumeOf(
  { reader, repository }: Conductor,
  { backup: { id, mechanism, volumeId }, projectId }: Subject,
  { userIds, signal }: { userIds: ReadonlySet<string>; signal: AbortSignal },
): Promise<VolumePoints> {
  const backups = await Array.fromAsync(listPoints(reader, mechanism, { volumeId }, signal));
  const children = new Map<string, readonly string[]>();
  for (const backup of backups) {
    children.set(backup.id, await childrenOf(reader, backup, signal));
  }
  // Only the database knows whom an operator believed.
  const adopted = (await repository.catalogue({ projectId })).filter((entry) => entry.adopted);
  const catalogue = new Map(adopted.map((entry) => [entry.backupId, entry]));
  const volume = readPoints({ backups, catalogue, userIds, children }).get(volumeId);
  if (volume === undefined) throw new Error(`the listing of volume ${volumeId} does not have backup ${id}`);
  return volume;
}
