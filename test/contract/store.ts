import assert from "node:assert/strict";
import { afterEach, beforeEach, it } from "node:test";
import { directIo } from "../../src/domain/io.ts";
import type { Io, IoStep } from "../../src/domain/io.ts";
import { openStore } from "../../src/store/open.ts";
import type { Repository } from "../../src/store/repository.ts";
import { deliveriesContract } from "./store-deliveries.ts";
import { historyContract } from "./store-history.ts";
import { ordersContract } from "./store-orders.ts";
import { pointsContract } from "./store-points.ts";
import { entry, job, now, operation, order, report, run, storeError } from "./store-rows.ts";
import type { StoreUnderTest } from "./store-under-test.ts";
import { workContract } from "./store-work.ts";

/**
 * What every database must do, whatever its dialect.
 * @param fresh gives the URL of a database that is empty and used by nobody else
 */
export function storeContract(fresh: () => Promise<string>): void {
  let url: string;
  let store: Repository;
  const others: Repository[] = [];
  const another = async (io: Io = directIo): Promise<Repository> => {
    const opened = await openStore(url, { io });
    others.push(opened);
    return opened;
  };
  beforeEach(async () => {
    url = await fresh();
    store = await openStore(url, { io: directIo, migrate: true });
  });
  afterEach(async () => {
    for (const opened of [store, ...others.splice(0)]) await opened.close();
  });

  const db: StoreUnderTest = {
    get store() {
      return store;
    },
    another,
  };
  workContract(db);
  pointsContract(db);
  historyContract(db);
  ordersContract(db);
  deliveriesContract(db);

  it("every method is one step of its name, and what the seam throws comes out", async () => {
    const steps: IoStep[] = [];
    const watched = await another({
      run: (step, work) => {
        steps.push(step);
        return work(() => undefined);
      },
    });
    const lease = (await watched.acquireLease({ name: "l", owner: "a", now, ttlMs: 1 }))!;
    await watched.renewLease(lease, now, 1);
    await watched.releaseLease(lease);
    await watched.insertRun(run("r1"));
    await watched.updateRun("r1", { message: "x" });
    await watched.runs({ limit: 1 });
    await watched.insertJobs([job("a")]);
    await watched.jobs({});
    await watched.moveJob({ key: "a", from: "planned", to: "submitting", patch: {} });
    await watched.catalogue();
    await watched.upsertCatalogue([entry("b1")]);
    await watched.patchCatalogueEntry("b1", { held: true });
    await watched.appendOperations([operation("1")]);
    await watched.operations({});
    await watched.overridesSeen();
    await watched.replaceOverridesSeen([]);
    await watched.insertReport(report("1"));
    await watched.reports({ limit: 1 });
    await watched.insertDeliveries([]);
    await watched.deliveries({ limit: 1 });
    await watched.moveDelivery({ id: "a", patch: { state: "sent" } });
    await watched.purgeDeliveries(now);
    await watched.insertOrder(order("1"));
    await watched.orders({});
    await watched.moveOrder({ id: "1", from: "waiting", to: "withdrawn" });
    await watched.forgetRuns(now);
    await watched.insertQuotaSamples([]);
    await watched.quotaSamples({ projectId: "p1", limit: 1 });
    const names = Object.keys(watched).filter((name) => name !== "close");
    assert.deepEqual(
      steps,
      names.map((name) => ({ kind: "db", name })),
    );

    const broken = await another({ run: () => Promise.reject(new Error("killed here")) });
    await assert.rejects(broken.insertRun(run("r2")), /killed here/);
    assert.deepEqual(
      (await store.runs({ limit: 9 })).map((r) => r.id),
      ["r1"],
    );
  });

  it("keeps what it was told when it is opened again", async () => {
    await store.insertRun(run("r1"));
    await store.close();
    store = await openStore(url, { io: directIo });
    assert.deepEqual(await store.runs({ limit: 1 }), [run("r1")]);
  });

  it("refuses work after it was closed", async () => {
    const closed = await openStore(url, { io: directIo });
    await closed.close();
    await assert.rejects(closed.runs({ limit: 1 }), storeError(false, /was closed by this program/));
  });
}
