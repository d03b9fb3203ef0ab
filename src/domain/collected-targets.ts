import { compareText } from "./compare.ts";
import type { Server } from "./inventory.ts";
import type { Policy } from "./policy.ts";
import type { Target } from "./tracks.ts";

/** The targets of policies as they come together, volume by volume. */
export class CollectedTargets {
  readonly #byPolicy = new Map<Policy, Map<Server | null, Set<string>>>();

  touch(policy: Policy): Map<Server | null, Set<string>> {
    const servers = this.#byPolicy.get(policy) ?? new Map<Server | null, Set<string>>();
    this.#byPolicy.set(policy, servers);
    return servers;
  }

  addServer(policy: Policy, server: Server | null): Set<string> {
    const servers = this.touch(policy);
    const ids = servers.get(server) ?? new Set<string>();
    servers.set(server, ids);
    return ids;
  }

  add(policy: Policy, server: Server | null, volumeId: string): void {
    this.addServer(policy, server).add(volumeId);
  }

  targets(): ReadonlyMap<Policy, readonly Target[]> {
    return new Map(
      [...this.#byPolicy].map(([policy, servers]) => [
        policy,
        [...servers]
          .map(([server, ids]) => ({ server, volumeIds: [...ids].sort(compareText) }))
          .sort((a, b) => (a.server === null ? 1 : b.server === null ? -1 : compareText(a.server.id, b.server.id))),
      ]),
    );
  }
}
