import type { OverrideSeen } from "../domain/catalogue.ts";
import { mechanisms, type Backup, type Mechanism } from "../domain/inventory.ts";
import { recallRequests } from "../domain/recalled-requests.ts";
import { bookOf } from "./assign.ts";
import type { Conductor } from "./context.ts";
import { scanPoints, type Inventory, type PointScan } from "./scan.ts";

/** The restore points of the cloud, listed once by each mechanism in a cycle, and only when they are asked for. */
export class Listings {
  readonly #conductor: Conductor;
  readonly #signal: AbortSignal;
  readonly #scans = new Map<Mechanism, PointScan & { readonly takenAt: Date }>();

  constructor(conductor: Conductor, signal: AbortSignal) {
    this.#conductor = conductor;
    this.#signal = signal;
  }

  async of(mechanism: Mechanism): Promise<PointScan & { readonly takenAt: Date }> {
    const known = this.#scans.get(mechanism);
    if (known !== undefined) return known;
    const takenAt = this.#conductor.clock.now();
    const scan = { ...(await scanPoints(this.#conductor, mechanism, this.#signal)), takenAt };
    this.#scans.set(mechanism, scan);
    return scan;
  }
}

/**
 * What is remembered of tenants' requests. A database that no cycle has gone through yet remembers nothing: then the marks on the restore points tell. Any other is believed alone.
 * @param isNew no cycle has gone through it
 */
export async function rememberedRequests(
  conductor: Conductor,
  {
    inventory,
    isNew,
    points,
    userIds,
  }: {
    readonly inventory: Pick<Inventory, "servers" | "volumes">;
    readonly isNew: boolean;
    readonly points: (mechanism: Mechanism) => Promise<readonly Backup[]>;
    readonly userIds: ReadonlySet<string>;
  },
): Promise<readonly OverrideSeen[]> {
  const { repository, settings } = conductor;
  if (!isNew) return await repository.overridesSeen();
  const listed: Backup[] = [];
  for (const mechanism of mechanisms) for (const point of await points(mechanism)) listed.push(point);
  return recallRequests({
    points: listed,
    userIds,
    servers: inventory.servers,
    volumes: inventory.volumes,
    selection: settings.selection,
    policy: settings.policy,
    policies: bookOf(conductor).policies,
  });
}
