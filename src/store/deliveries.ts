import { and, asc, eq, gte, inArray, lt, lte } from "../../db/drizzle.ts";
import type { Delivery } from "../domain/deliveries.ts";
import { chunksOf } from "./chunks.ts";
import type { Database, Statements } from "./database.ts";
import type { Repository } from "./repository.ts";

type DeliveryMethods = Pick<Repository, "insertDeliveries" | "deliveries" | "moveDelivery" | "purgeDeliveries">;

/** Queues deliveries; those that are queued already stay as they are. */
export async function queueDeliveries(db: Database, s: Statements, all: readonly Delivery[]): Promise<void> {
  for (const rows of chunksOf(all)) await s.insert(db.tables.deliveries, rows, "keep");
}

export function deliveryMethods(db: Database): DeliveryMethods {
  const { deliveries } = db.tables;
  return {
    insertDeliveries: (all) => db.transaction((s) => queueDeliveries(db, s, all)),

    deliveries: ({ states, channel, dueBy, reportId, runId, since, limit }) =>
      db.read((s) =>
        s.select(deliveries, {
          where: and(
            states && inArray(deliveries.state, [...states]),
            channel && eq(deliveries.channel, channel),
            dueBy && lte(deliveries.nextAttemptAt, dueBy),
            reportId === undefined ? undefined : eq(deliveries.reportId, reportId),
            runId === undefined ? undefined : eq(deliveries.runId, runId),
            since && gte(deliveries.createdAt, since),
          ),
          orderBy: [asc(deliveries.nextAttemptAt), asc(deliveries.id)],
          limit,
        }),
      ),

    moveDelivery: ({ id, attempts, patch, insert = [] }) => {
      const where = and(
        eq(deliveries.id, id),
        eq(deliveries.state, "queued"),
        attempts === undefined ? undefined : eq(deliveries.attempts, attempts),
      );
      const move = async (s: Statements): Promise<boolean> => (await s.update(deliveries, patch, where)) === 1;
      if (insert.length === 0) return db.write(move);
      return db.transaction(async (s) => {
        if (!(await move(s))) return false;
        await queueDeliveries(db, s, insert);
        return true;
      });
    },

    purgeDeliveries: (endedBefore) => db.write((s) => s.delete(deliveries, lt(deliveries.endedAt, endedBefore))),
  };
}
