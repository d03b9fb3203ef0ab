import type { Io } from "../domain/io.ts";
import { catalogueMethods } from "./catalogue.ts";
import type { Database } from "./database.ts";
import { deliveryMethods } from "./deliveries.ts";
import { historyMethods } from "./history.ts";
import { jobMethods } from "./jobs.ts";
import { leaseMethods } from "./leases.ts";
import { orderMethods } from "./orders.ts";
import type { Repository } from "./repository.ts";

/** The repository on an open database; every method passes through `io` as one step of its name. */
export function repositoryOn(db: Database, io: Io): Repository {
  const methods = {
    ...leaseMethods(db),
    ...historyMethods(db),
    ...jobMethods(db),
    ...catalogueMethods(db),
    ...deliveryMethods(db),
    ...orderMethods(db),
  };
  const step =
    <A extends unknown[], T>(name: string, method: (...args: A) => Promise<T>) =>
    (...args: A): Promise<T> =>
      io.run({ kind: "db", name }, () => method(...args));
  return {
    close: () => db.close(),
    acquireLease: step("acquireLease", methods.acquireLease),
    renewLease: step("renewLease", methods.renewLease),
    releaseLease: step("releaseLease", methods.releaseLease),
    insertRun: step("insertRun", methods.insertRun),
    updateRun: step("updateRun", methods.updateRun),
    runs: step("runs", methods.runs),
    insertJobs: step("insertJobs", methods.insertJobs),
    jobs: step("jobs", methods.jobs),
    moveJob: step("moveJob", methods.moveJob),
    catalogue: step("catalogue", methods.catalogue),
    upsertCatalogue: step("upsertCatalogue", methods.upsertCatalogue),
    patchCatalogueEntry: step("patchCatalogueEntry", methods.patchCatalogueEntry),
    appendOperations: step("appendOperations", methods.appendOperations),
    operations: step("operations", methods.operations),
    overridesSeen: step("overridesSeen", methods.overridesSeen),
    replaceOverridesSeen: step("replaceOverridesSeen", methods.replaceOverridesSeen),
    insertReport: step("insertReport", methods.insertReport),
    reports: step("reports", methods.reports),
    insertDeliveries: step("insertDeliveries", methods.insertDeliveries),
    deliveries: step("deliveries", methods.deliveries),
    moveDelivery: step("moveDelivery", methods.moveDelivery),
    purgeDeliveries: step("purgeDeliveries", methods.purgeDeliveries),
    insertOrder: step("insertOrder", methods.insertOrder),
    orders: step("orders", methods.orders),
    moveOrder: step("moveOrder", methods.moveOrder),
    forgetRuns: step("forgetRuns", methods.forgetRuns),
    insertQuotaSamples: step("insertQuotaSamples", methods.insertQuotaSamples),
    quotaSamples: step("quotaSamples", methods.quotaSamples),
  };
}
