import { mechanisms, type Backup } from "../domain/inventory.ts";
import { readByMechanism } from "../domain/points.ts";
import type { RotationPlan } from "../domain/retention.ts";
import type { Terms } from "../domain/terms.ts";
import { assign, policyFinder } from "./assign.ts";
import type { Conductor } from "./context.ts";
import { listPoints } from "./mechanism.ts";
import { planProjectRotation } from "./rotate.ts";
import { retentionTerms, type Inventory } from "./scan.ts";

/** What they are planned from. */
export interface RotationsInput {
  readonly conductor: Conductor;
  readonly inventory: Inventory;
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly userIds: ReadonlySet<string>;
  readonly existingVolumeIds: ReadonlySet<string> | null;
}

/** Plans whole projects' rotations as the next cycle would, brake and pace included. Each is listed once, and only when it is asked for. */
export class ProjectRotations {
  readonly #input: RotationsInput;
  readonly #plans = new Map<string, Promise<RotationPlan>>();
  #terms: Promise<Terms> | null = null;

  constructor(input: RotationsInput) {
    this.#input = input;
  }

  of(projectId: string): Promise<RotationPlan> {
    const plan = this.#plans.get(projectId) ?? this.#plan(projectId);
    this.#plans.set(projectId, plan);
    return plan;
  }

  async #plan(projectId: string): Promise<RotationPlan> {
    const { conductor, existingVolumeIds, inventory, signal, userIds } = this.#input;
    const backups: Backup[] = [];
    for (const mechanism of mechanisms) {
      for await (const row of listPoints(conductor.reader, mechanism, { projectId }, signal)) backups.push(row);
    }
    const entries = await conductor.repository.catalogue({ projectId });
    const catalogue = new Map(entries.map((entry) => [entry.backupId, entry]));
    const { backup, snapshot } = readByMechanism({ backups, catalogue, userIds });
    return await planProjectRotation(conductor, {
      runId: "explain",
      projectId,
      volumes: [...backup.values(), ...snapshot.values()],
      existingVolumeIds,
      terms: await (this.#terms ??= this.#termsOfAll()),
      cloneSources: inventory.cloneSources,
      userIds,
      blocked: null,
    });
  }

  /** The brake counts what is overdue of all volumes, each by its own policies. */
  async #termsOfAll(): Promise<Terms> {
    const { conductor, inventory, now, signal } = this.#input;
    const assignment = await assign(conductor, inventory, { now, signal });
    return retentionTerms(inventory, conductor.settings, policyFinder(conductor, assignment));
  }
}
