import { changeOf, type ChangeKind, type Said } from "../domain/assignment-changes.ts";
import { exclusionOf } from "../domain/exclusions.ts";
import type { Project, Server, Volume } from "../domain/inventory.ts";
import type { SubjectProject } from "../domain/match.ts";
import type { PolicyBook } from "../domain/policy-book.ts";
import type { Policy } from "../domain/policy.ts";
import { assignByRules } from "../domain/rules.ts";
import { compareText } from "../domain/compare.ts";
import type { Conductor } from "./context.ts";
import { scanInventory } from "./scan.ts";

/** A volume whose protection would be another one. */
export interface VolumeChange {
  readonly kind: ChangeKind;
  readonly volume: Volume;
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

/** Says which volumes of the cloud other policies, rules and exclusions would treat differently. Reads the cloud and writes nothing. */
export async function previewPolicies(
  conductor: Conductor,
  books: { readonly before: PolicyBook; readonly after: PolicyBook },
  signal: AbortSignal,
): Promise<PolicyPreview> {
  const inventory = await scanInventory(conductor, signal);
  const projects = new Map((await conductor.reader.projects(signal)).map((project) => [project.id, project]));
  const servers = new Map(inventory.servers.map((server) => [server.id, server]));
  const now = conductor.clock.now();
  const changes: VolumeChange[] = [];
  for (const volume of inventory.volumes.values()) {
    const project = projects.get(volume.projectId) ?? unknownProject(volume.projectId);
    const attached = volume.serverIds.map((id) => servers.get(id)).filter((server) => server !== undefined);
    const said = (book: PolicyBook): Said => sayOf(book, { volume, servers: attached, project }, now);
    const [before, after] = [said(books.before), said(books.after)];
    const kind = changeOf(before, after);
    if (kind !== null)
      changes.push({ kind, volume, project: { id: project.id, name: project.name ?? "" }, before, after });
  }
  return { volumes: inventory.volumes.size, changes: changes.toSorted(byPlace) };
}

const unknownProject = (id: string): SubjectProject => ({
  id,
  name: null,
  domainId: null,
  domainName: null,
  tags: [],
});

/** As people look for them, and the same every time. */
const byPlace = (a: VolumeChange, b: VolumeChange): number =>
  compareText(a.project.name, b.project.name) ||
  compareText(a.project.id, b.project.id) ||
  compareText(a.volume.name, b.volume.name) ||
  compareText(a.volume.id, b.volume.id);

function sayOf(
  book: PolicyBook,
  {
    volume,
    servers,
    project,
  }: { readonly volume: Volume; readonly servers: readonly Server[]; readonly project: SubjectProject },
  now: Date,
): Said {
  const who = { volumeId: volume.id, serverIds: servers.map(({ id }) => id), projectId: volume.projectId };
  const exclusion = exclusionOf(book.exclusions, who, now);
  if (exclusion !== null) return { excluded: `${exclusion.scope} ${exclusion.id}: ${exclusion.reason}`, policies: [] };
  const { excludedBy, policies } = assignByRules(book.rules, { volume, server: servers[0] ?? null, project });
  if (excludedBy !== null) return { excluded: `rule ${excludedBy}`, policies: [] };
  return {
    excluded: null,
    policies: policies
      .map(({ policy }) => book.policies.get(policy))
      .filter((policy): policy is Policy => policy !== undefined),
  };
}
