import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CatalogueEntry } from "../../src/domain/catalogue.ts";
import { entry, later, now, storeError } from "./store-rows.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

/** What is known of restore points, and what tenants asked for. */
export function pointsContract(db: StoreUnderTest): void {
  describe("the catalogue", () => {
    it("keeps entries whole, and replaces them whole", async () => {
      const full = entry("b1", {
        isIncremental: true,
        parentId: "b0",
        held: true,
        goodAt: later(1),
        deleteSentAt: later(2),
      });
      const bare = entry("b2", {
        key: null,
        policy: null,
        slot: null,
        serverId: null,
        setId: null,
        volumeType: null,
        parentVerified: false,
        keepUntil: null,
        sizeGiB: 0,
      });
      await db.store.upsertCatalogue([full, bare]);
      assert.deepEqual(await db.store.catalogue(), [full, bare]);
      const changed = { ...full, ...bare, backupId: "b1", volumeId: "v9", projectId: "p9", createdAt: later(9) };
      await db.store.upsertCatalogue([entry("b3"), changed]);
      assert.deepEqual(await db.store.catalogue(), [changed, bare, entry("b3")]);
      await db.store.upsertCatalogue([]);
    });
    it("leaves out what is gone, and other projects", async () => {
      const gone = entry("b2", { goneAt: now });
      const foreign = entry("b3", { projectId: "p2" });
      await db.store.upsertCatalogue([entry("b1"), gone, foreign]);
      assert.deepEqual(await db.store.catalogue(), [entry("b1"), foreign]);
      assert.deepEqual(await db.store.catalogue({ includeGone: true }), [entry("b1"), gone, foreign]);
      assert.deepEqual(await db.store.catalogue({ projectId: "p1" }), [entry("b1")]);
      assert.deepEqual(await db.store.catalogue({ projectId: "p1", includeGone: true }), [entry("b1"), gone]);
    });
    it("patches one entry, and only one it has", async () => {
      await db.store.upsertCatalogue([entry("b1"), entry("b2")]);
      await db.store.patchCatalogueEntry("b1", { goneAt: now, held: true, keepUntil: null });
      await db.store.patchCatalogueEntry("b1", {});
      assert.deepEqual(await db.store.catalogue({ includeGone: true }), [
        entry("b1", { goneAt: now, held: true, keepUntil: null }),
        entry("b2"),
      ]);
      await assert.rejects(db.store.patchCatalogueEntry("no", { held: true }), storeError(false, /no backup no/));
    });
    it("comes whole and in order when it is longer than a page", async () => {
      const many = Array.from({ length: 12_001 }, (_, i) => entry(`b${String(i).padStart(6, "0")}`));
      await db.store.upsertCatalogue(many.toReversed());
      assert.deepEqual(await db.store.catalogue(), many);
    });
    it("comes in parts", async () => {
      const [b1, b2, b3] = [entry("b1"), entry("b2", { projectId: "p2" }), entry("b3")];
      await db.store.upsertCatalogue([b1, b2, b3]);
      assert.deepEqual(await db.store.catalogue({ limit: 2 }), [b1, b2]);
      assert.deepEqual(await db.store.catalogue({ limit: 2, after: "b2" }), [b3]);
      assert.deepEqual(await db.store.catalogue({ limit: 2, projectId: "p1" }), [b1, b3]);
      assert.deepEqual(await db.store.catalogue({ after: "b3" }), []);
    });
    it("takes all entries or none", async () => {
      const many = Array.from({ length: 1000 }, (_, i) => entry(`b${i}`));
      const broken = { ...entry("broken"), projectId: null } as unknown as CatalogueEntry;
      await assert.rejects(db.store.upsertCatalogue([...many, broken]), storeError(false, /null|NULL/));
      assert.deepEqual(await db.store.catalogue(), []);
    });
  });

  describe("overrides seen", () => {
    const seen = (value: string, ms = 0) => ({
      resourceId: "v1",
      key: "backup_retention",
      value,
      firstSeenAt: later(ms),
    });
    it("become what they are said to be", async () => {
      const all = [seen("30d"), seen("7d"), { ...seen("7d"), resourceId: "v2" }];
      await db.store.replaceOverridesSeen(all);
      assert.deepEqual(await db.store.overridesSeen(), all);
      await db.store.replaceOverridesSeen([seen("7d", 5), seen("8d")]);
      assert.deepEqual(await db.store.overridesSeen(), [seen("7d", 5), seen("8d")]);
      await db.store.replaceOverridesSeen([]);
      assert.deepEqual(await db.store.overridesSeen(), []);
    });
    it("are told apart by case, accents, trailing spaces and NUL, as tenants may write them", async () => {
      const values = ["", " ", "7D", "7d", "7d ", "7d  ", "7ď", "7d\u0000", "🦄".repeat(255)].map((v) => seen(v));
      await db.store.replaceOverridesSeen(values);
      const stored = await db.store.overridesSeen();
      assert.deepEqual(new Set(stored.map((o) => o.value)), new Set(values.map((o) => o.value)));
      await db.store.replaceOverridesSeen(values);
      assert.equal((await db.store.overridesSeen()).length, values.length);
    });
  });
}
