import { and, asc, eq, inArray } from "../../db/drizzle.ts";
import type { Order, OrderBody, OrderResult } from "../domain/orders.ts";
import type { Database } from "./database.ts";
import { leaseHolds } from "./leases.ts";
import type { Repository } from "./repository.ts";
import type { OrderRow } from "./tables.ts";

type OrderMethods = Pick<Repository, "insertOrder" | "orders" | "moveOrder">;

export function orderMethods(db: Database): OrderMethods {
  const { leases, orders } = db.tables;
  return {
    insertOrder: (order) => db.write((s) => s.insert(orders, [toRow(order)], "keep")),

    orders: ({ id, states }) =>
      db.read(async (s) => {
        const where = and(
          id === undefined ? undefined : eq(orders.id, id),
          states && inArray(orders.state, [...states]),
        );
        return (await s.select(orders, { where, orderBy: [asc(orders.askedAt), asc(orders.id)] })).map(fromRow);
      }),

    async moveOrder({ id, from, to, patch = {}, lease }) {
      const where = and(eq(orders.id, id), eq(orders.state, from), lease && leaseHolds(leases, lease));
      const { result, ...rest } = patch;
      const row = { ...rest, state: to, ...(result === undefined ? {} : { result: json(result) }) };
      return (await db.write((s) => s.update<OrderRow>(orders, row, where))) === 1;
    },
  };
}

const json = (value: object | null): string | null => (value === null ? null : JSON.stringify(value));

const toRow = (order: Order): OrderRow => ({
  ...order,
  body: JSON.stringify(order.body),
  result: json(order.result),
});

const fromRow = (row: OrderRow): Order => ({
  ...row,
  body: JSON.parse(row.body) as OrderBody,
  result: row.result === null ? null : (JSON.parse(row.result) as OrderResult),
});
