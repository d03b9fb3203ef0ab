import type { CatalogueEntry } from "../domain/catalogue.ts";
import type { Backup } from "../domain/inventory.ts";
import { readByMechanism } from "../domain/points.ts";
import type { Reason } from "../domain/reasons.ts";
import type { RotationSummary } from "../domain/runs.ts";
import type { Expected, Terms } from "../domain/terms.ts";
import type { Conductor, Signals } from "./context.ts";
import type { LeaseKeeper } from "./lease.ts";
import { deleteReleased } from "./release.ts";
import { planProjectRotation, rotateProject, type RotationInput } from "./rotate.ts";
import type { Inventory } from "./scan.ts";

/** What is known of one project when its rotation begins. */
export interface ProjectPoints {
  readonly runId: string;
  readonly projectId: string;
  /** The project's backups and snapshots, all creators; `null` when they are not known with proven rights. */
  readonly backups: readonly Backup[] | null;
  readonly blocked: Reason | null;
  readonly inventory: Pick<Inventory, "volumeIds" | "cloneSources">;
  readonly userIds: ReadonlySet<string>;
  readonly terms: Terms;
  /** What is about to be made: it takes its place among what counts keep. */
  readonly expecting?: readonly Expected[];
  /** When the snapshots of a volume may go that its owner has released, by its id. */
  readonly releasedAt: ReadonlyMap<string, Date>;
  /** Lets one project at a time plan its rotation: what all of them need for it does not fit into memory at once. */
  readonly planAlone: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Rotates one project: reads its points, plans, looks up what the plan depends on, and carries it out. */
export async function rotatePoints(
  conductor: Conductor,
  lease: LeaseKeeper,
  end: ProjectPoints,
  signals: Signals,
): Promise<RotationSummary> {
  const nothing = { deleted: 0, kept: 0, failed: 0, reasons: {} };
  const { backups } = end;
  if (backups === null) {
    return { ...nothing, blocked: conductor.settings.rotationEnabled ? (end.blocked ?? "unproven_reader") : null };
  }
  const children = new Map<string, readonly string[]>();
  const read = async () => {
    const entries = await conductor.repository.catalogue({ projectId: end.projectId });
    const catalogue = new Map(entries.map((entry) => [entry.backupId, entry]));
    const { backup, snapshot } = readByMechanism({ backups, catalogue, userIds: end.userIds, children });
    conductor.onPoints?.(end.projectId, { backup, snapshot });
    return { catalogue, volumes: [...backup.values(), ...snapshot.values()] };
  };
  if (!conductor.settings.rotationEnabled) {
    if (conductor.onPoints !== undefined) await end.planAlone(read);
    return { ...nothing, blocked: null };
  }
  const planOnce = async () => {
    const { catalogue, volumes } = await read();
    const input: RotationInput = {
      runId: end.runId,
      projectId: end.projectId,
      volumes,
      existingVolumeIds: end.blocked === "partial_scan" ? null : end.inventory.volumeIds,
      terms: end.terms,
      expecting: end.expecting ?? [],
      cloneSources: end.inventory.cloneSources,
      userIds: end.userIds,
      blocked: end.blocked,
    };
    return { catalogue, input, plan: await planProjectRotation(conductor, input) };
  };
  for (;;) {
    const { catalogue, input, plan } = await end.planAlone(planOnce);
    const unasked = plan.unverified.filter((id) => !children.has(id));
    if (unasked.length === 0 || signals.drain.aborted) {
      const summary = await rotateProject(conductor, lease, input, plan, signals);
      return await deleteReleased(conductor, lease, { rotation: input, summary, releasedAt: end.releasedAt }, signals);
    }
    await askChildren(conductor, { ids: unasked, children, catalogue }, signals.cut);
  }
}

/** Asks the reader for the children of backups (after a rebuild nobody knows them), and remembers the parents of ours that it learns. */
async function askChildren(
  { reader, repository }: Conductor,
  input: {
    ids: readonly string[];
    children: Map<string, readonly string[]>;
    catalogue: ReadonlyMap<string, CatalogueEntry>;
  },
  signal: AbortSignal,
): Promise<void> {
  const learned: CatalogueEntry[] = [];
  for (const parentId of input.ids) {
    const found = await reader.childrenOf(parentId, signal);
    input.children.set(
      parentId,
      found.map((child) => child.id),
    );
    for (const { id } of found) {
      const entry = input.catalogue.get(id);
      if (entry !== undefined && !entry.parentVerified) learned.push({ ...entry, parentId, parentVerified: true });
    }
  }
  if (learned.length > 0) await repository.upsertCatalogue(learned);
}
