import type { SQL } from "drizzle-orm";
import { and, eq, sql } from "../../db/drizzle.ts";
import type { Database, Statements } from "./database.ts";
import { StoreError } from "./errors.ts";
import type { Lease, Repository } from "./repository.ts";
import type { Tables } from "./tables.ts";

type LeaseMethods = Pick<Repository, "acquireLease" | "renewLease" | "releaseLease">;

/** The row stays when a lease is freed, so that the fence never starts again. */
const nobody = { owner: "", expiresAt: new Date(0) };

/** True where the lease is still the current one: neither name nor time decide, only who raised the fence last. */
export function leaseHolds(leases: Tables["leases"], lease: Lease): SQL {
  return sql`exists (select 1 from ${leases} where ${current(leases, lease)})`;
}

const current = (leases: Tables["leases"], { name, owner, fence }: Lease): SQL | undefined =>
  and(eq(leases.name, name), eq(leases.owner, owner), eq(leases.fence, fence));

export function leaseMethods(db: Database): LeaseMethods {
  const { leases } = db.tables;

  async function acquire(s: Statements, request: Parameters<Repository["acquireLease"]>[0]): Promise<Lease | null> {
    const { name, owner, now, ttlMs, force = false } = request;
    const expiresAt = new Date(now.getTime() + ttlMs);
    // Compare and swap: whoever changes the row between our look and our update makes us look again.
    for (let tries = 0; tries < 10; tries += 1) {
      const [seen] = await s.select(leases, { where: eq(leases.name, name) });
      if (seen === undefined) {
        await s.insert(leases, [{ name, fence: 0, ...nobody }], "keep");
        continue;
      }
      const mine = seen.owner === owner;
      if (!mine && !force && seen.owner !== nobody.owner && seen.expiresAt > now) return null;
      const taken: Lease = { name, owner, fence: mine ? seen.fence : seen.fence + 1, expiresAt };
      const { fence } = taken;
      const unchanged = and(current(leases, seen), eq(leases.expiresAt, seen.expiresAt));
      if ((await s.update(leases, { owner, fence, expiresAt }, unchanged)) === 1) return taken;
    }
    throw new StoreError(`the lease ${name} changes hands too fast to be taken`, { transient: true });
  }

  return {
    acquireLease: (request) => db.write((s) => acquire(s, request)),
    async renewLease(lease, now, ttlMs) {
      const expiresAt = new Date(now.getTime() + ttlMs);
      const kept = await db.write((s) => s.update(leases, { expiresAt }, current(leases, lease)));
      return kept === 1 ? { ...lease, expiresAt } : null;
    },
    async releaseLease(lease) {
      await db.write((s) => s.update(leases, nobody, current(leases, lease)));
    },
  };
}
