import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findEndpoint, readCatalogue, splitVersion } from "./catalogue.ts";
import { Row } from "./wire.ts";

const entry = (type: string, url: string, more: object = {}): Row =>
  new Row(
    { type, name: "n", endpoints: [{ id: "e", interface: "public", region_id: "R1", region: "R1", url, ...more }] },
    "service",
  );
const wanted = { interface: "public" } as const;

describe("findEndpoint", () => {
  it("prefers block-storage, then block-store, then volumev3", () => {
    const all = [
      entry("volumev3", "http://c/3"),
      entry("block-store", "http://c/2"),
      entry("block-storage", "http://c/1"),
    ];
    const found = [3, 2, 1].map((n) => findEndpoint(readCatalogue(all.slice(0, n)), "block-storage", wanted));
    assert.deepEqual(found, [{ url: "http://c/1" }, { url: "http://c/2" }, { url: "http://c/3" }]);
  });

  it("takes the type that has the interface", () => {
    const catalogue = readCatalogue([
      entry("block-storage", "http://c/public"),
      entry("volumev3", "http://c/internal/", { interface: "internal" }),
    ]);
    assert.deepEqual(findEndpoint(catalogue, "block-storage", { interface: "internal" }), { url: "http://c/internal" });
  });

  it("takes the region asked for, and does not guess among several", () => {
    const catalogue = readCatalogue([
      entry("compute", "http://one/v2.1"),
      entry("compute", "http://two/v2.1", { region_id: "R2" }),
      entry("image", "http://other"),
    ]);
    assert.deepEqual(findEndpoint(catalogue, "compute", { ...wanted, region: "R2" }), { url: "http://two/v2.1" });
    assert.deepEqual(findEndpoint(catalogue, "compute", wanted), {
      problem: "the cloud has several regions (R1, R2): say which",
    });
    assert.deepEqual(findEndpoint(catalogue, "compute", { ...wanted, region: "R3" }), {
      problem:
        "the catalogue has no public endpoint of compute in region R3; it has: compute public R1; compute public R2",
    });
  });

  it("says what is missing or wrong", () => {
    assert.deepEqual(findEndpoint([], "block-storage", wanted), {
      problem: "the catalogue has no public endpoint of block-storage, block-store, volumev3; it has: none",
    });
    for (const url of ["nova/v2", "ftp://nova/v2", "http://"]) {
      assert.deepEqual(findEndpoint(readCatalogue([entry("compute", url)]), "compute", wanted), {
        problem: `the catalogue's URL "${url}" is none`,
      });
    }
  });
});

describe("splitVersion", () => {
  it("finds the version, with or without a project and a prefix", () => {
    const cases: [url: string, root: string, version: string, base: string][] = [
      ["http://c:8776/v3", "http://c:8776/", "v3", "http://c:8776/v3"],
      ["http://c:8776/v3/abc", "http://c:8776/", "v3", "http://c:8776/v3/abc"],
      ["https://c/volume/v3/abc", "https://c/volume/", "v3", "https://c/volume/v3/abc"],
      ["https://c/v1/volume/v3", "https://c/v1/volume/", "v3", "https://c/v1/volume/v3"],
      ["https://c/compute/v2.1", "https://c/compute/", "v2.1", "https://c/compute/v2.1"],
      ["https://c/volume", "https://c/volume/", "v3", "https://c/volume/v3"],
    ];
    for (const [url, root, version, base] of cases) assert.deepEqual(splitVersion(url, "v3"), { root, version, base });
  });
});
