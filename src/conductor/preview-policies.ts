import { changeOf, type ChangeKind, type Said } from "../domain/assignment-changes.ts";
import { assignVolume, contextOf } from "../domain/assignment.ts";
import { compareText } from "../domain/compare.ts";
import type { Project, Volume } from "../domain/inventory.ts";
import type { PolicyBook } from "../domain/policy-book.ts";
import { assignmentInput } from "./assign.ts";
import type { Conductor } from "./context.ts";
import { scanInventory } from "./scan.ts";

/** A volume whose protection would be another one. */
export interface VolumeChange {
  readonly kind: ChangeKind;
  readonly volume: Volume;
  /** Its name is empty where Keystone does not show it. */
  readonly project: Pick<Project, "id" | "name">;
  readonly before: Said;
  readonly after: Said;
}

export interface PolicyPreview {
  /** All that were looked at. */
  readonly volumes: number;
  /** By project and volume. */
  readonly changes: readonly VolumeChange[];
}

/**
 * Says which volumes of the cloud other policies, rules and exclusions would treat differently, with all else that protects them as it is: tags and what
 * tenants ask for. Reads the cloud and writes nothing.
 */
export async function previewPolicies(
  conductor: Conductor,
  books: { readonly before: PolicyBook; readonly after: PolicyBook },
  signal: AbortSignal,
): Promise<PolicyPreview> {
  const inventory = await scanInventory(conductor, signal);
  const projects = new Map((await conductor.reader.projects(signal)).map((project) => [project.id, project]));
  const now = conductor.clock.now();
  const saidBy = async (book: PolicyBook): Promise<(volume: Volume) => Said> => {
    const input = await assignmentInput({ ...conductor, policyBook: () => book }, inventory, { now, signal });
    const context = contextOf({ ...input, projects });
    return (volume) => {
      const { excluded, protections } = assignVolume(volume, context);
      return { excluded, policies: protections.map(({ policy }) => policy) };
    };
  };
  const [before, after] = [await saidBy(books.before), await saidBy(books.after)];
  const changes = [...inventory.volumes.values()].flatMap((volume): VolumeChange[] => {
    const said = { before: before(volume), after: after(volume) };
    const kind = changeOf(said.before, said.after);
    const project = { id: volume.projectId, name: projects.get(volume.projectId)?.name ?? "" };
    return kind === null ? [] : [{ kind, volume, project, ...said }];
  });
  return { volumes: inventory.volumes.size, changes: changes.toSorted(byPlace) };
}

/** As people look for them, and the same every time. */
const byPlace = (a: VolumeChange, b: VolumeChange): number =>
  compareText(a.project.name, b.project.name) ||
  compareText(a.project.id, b.project.id) ||
  compareText(a.volume.name, b.volume.name) ||
  compareText(a.volume.id, b.volume.id);
