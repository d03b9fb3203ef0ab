import { assignPolicies, type Assignment, type AssignmentInput } from "../domain/assignment.ts";
import type { OverrideSeen } from "../domain/catalogue.ts";
import type { SubjectProject } from "../domain/match.ts";
import type { PolicyBook } from "../domain/policy-book.ts";
import { presets } from "../domain/presets.ts";
import type { Policy } from "../domain/policy.ts";
import { readReleases } from "../domain/release.ts";
import { needs } from "../domain/rules.ts";
import type { Conductor, ConductorSettings } from "./context.ts";
import type { Inventory } from "./scan.ts";

/** The policies that there are: those of the operator's files, or the built-in one and the presets. */
export const bookOf = ({ policyBook, settings }: Pick<Conductor, "policyBook" | "settings">): PolicyBook =>
  policyBook?.() ?? defaultBook(settings);

const bookWithoutFiles = new WeakMap<ConductorSettings, PolicyBook>();

/** Made once for the same settings: what depends on its identity stays as it is. */
function defaultBook(settings: ConductorSettings): PolicyBook {
  const known = bookWithoutFiles.get(settings);
  if (known !== undefined) return known;
  const all = [...presets(settings.timeZone), settings.policy];
  const book = {
    policies: new Map(all.map((policy) => [policy.name, policy])),
    rules: [],
    exclusions: [],
    version: null,
  };
  bookWithoutFiles.set(settings, book);
  return book;
}

export interface AssignWhen {
  readonly now: Date;
  /** What is remembered of tenants' requests; read from the database when not given. */
  readonly overridesSeen?: readonly OverrideSeen[];
  readonly signal: AbortSignal;
}

/** What must be known to say who is protected by what. Projects are listed only where a rule asks for them. */
export async function assignmentInput(
  conductor: Conductor,
  { servers, volumes }: Pick<Inventory, "servers" | "volumes">,
  { now, overridesSeen, signal }: AssignWhen,
): Promise<AssignmentInput> {
  const { repository, settings } = conductor;
  const book = bookOf(conductor);
  return {
    now,
    servers,
    volumes,
    projects: await projectsFor(conductor, book, signal),
    selection: settings.selection,
    book,
    builtIn: settings.policy,
    overridesSeen: overridesSeen ?? (await repository.overridesSeen()),
    readsPlatform9: !settings.publishAssignment,
  };
}

/** What protects each volume of a cloud, and what their owners let go of. */
export interface CloudAssignment extends Assignment {
  /** When the snapshots of a volume may go, by its id; no new ones are made of it. */
  readonly releasedAt: ReadonlyMap<string, Date>;
}

/** Says of every volume of the cloud what protects it. */
export async function assign(
  conductor: Conductor,
  inventory: Pick<Inventory, "servers" | "volumes">,
  when: AssignWhen,
): Promise<CloudAssignment> {
  const input = await assignmentInput(conductor, inventory, when);
  const assigned = assignPolicies(input);
  const { dueAt, notices, seen } = readReleases({
    volumes: inventory.volumes.values(),
    rule: conductor.settings.release,
    seen: input.overridesSeen,
    now: when.now,
  });
  return {
    ...assigned,
    notices: [...assigned.notices, ...notices],
    overridesSeen: [...assigned.overridesSeen, ...seen],
    releasedAt: dueAt,
  };
}

/** The policy of a name for a volume: as it is for that volume, else as the book has it; `null` when there is none of that name any more. */
export function policyFinder(
  conductor: Pick<Conductor, "policyBook" | "settings">,
  { targets }: Pick<Assignment, "targets">,
): (name: string, volumeId: string) => Policy | null {
  const { policies } = bookOf(conductor);
  const own = new Map<string, Policy>();
  for (const [policy, all] of targets) {
    // Those of the book are found there.
    if (policies.get(policy.name) === policy) continue;
    for (const { volumeIds } of all) for (const id of volumeIds) own.set(`${policy.name} ${id}`, policy);
  }
  return (name, volumeId) => own.get(`${name} ${volumeId}`) ?? policies.get(name) ?? null;
}

async function projectsFor(
  { reader }: Conductor,
  { rules }: PolicyBook,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SubjectProject>> {
  const { domains, projects } = needs(rules);
  if (!projects && !domains) return new Map();
  return new Map((await reader.projects(signal)).map((project) => [project.id, project]));
}
