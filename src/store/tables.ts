import type { SQLWrapper } from "drizzle-orm";
import type * as mysql from "../../db/mysql/schema.ts";
import type * as sqlite from "../../db/sqlite/schema.ts";
import type { CatalogueEntry, Job, Operation, OverrideSeen } from "../domain/catalogue.ts";
import type { Delivery } from "../domain/deliveries.ts";
import type { ProjectReport, Run } from "../domain/runs.ts";
import type { Order } from "../domain/orders.ts";
import type { Lease, QuotaSample } from "./repository.ts";

/**
 * A drizzle table of either dialect with rows of type R: its columns under the names of R's properties. Queries are written once against
 * these; drizzle renders them in the dialect at hand and encodes values as the column wants them.
 */
export type StoredTable<R extends object> = Readonly<Record<keyof R, SQLWrapper>> & { readonly $inferSelect: R };

/** `seq` is the database's own, for the order of insertion. */
export type OperationRow = Operation & { readonly seq: number };
/** A report with all that is not searched for as JSON. */
export type ReportRow = Pick<ProjectReport, "id" | "runId" | "projectId" | "at"> & { readonly body: string };

/** An order with what is to be done, and what became of it, as JSON. */
export type OrderRow = Omit<Order, "body" | "result"> & { readonly body: string; readonly result: string | null };

export interface Tables {
  readonly runs: StoredTable<Run>;
  readonly operations: StoredTable<OperationRow>;
  readonly jobs: StoredTable<Job>;
  readonly restorePoints: StoredTable<CatalogueEntry>;
  readonly leases: StoredTable<Lease>;
  readonly reports: StoredTable<ReportRow>;
  readonly deliveries: StoredTable<Delivery>;
  readonly orders: StoredTable<OrderRow>;
  readonly quotaSamples: StoredTable<QuotaSample>;
  readonly overridesSeen: StoredTable<OverrideSeen>;
}

/** Names the tables whose columns differ from the domain's properties in name or type, in either direction. */
type Different<Schema extends { readonly [T in keyof Tables]: { readonly $inferSelect: unknown } }> = {
  [T in keyof Tables]: [Tables[T]["$inferSelect"], Schema[T]["$inferSelect"]] extends [
    Schema[T]["$inferSelect"],
    Tables[T]["$inferSelect"],
  ]
    ? never
    : T;
}[keyof Tables];
// Do not compile when a schema and the domain part ways.
null satisfies Different<typeof sqlite> extends never ? null : Different<typeof sqlite>;
null satisfies Different<typeof mysql> extends never ? null : Different<typeof mysql>;
