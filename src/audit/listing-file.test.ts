import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { listing, snapshot } from "../../test/audit/builders.ts";
import { chains } from "../../test/audit/cases.ts";
import { AuditError } from "./errors.ts";
import { loadListing, parseListing, saveListing } from "./listing-file.ts";

const snapshots = [snapshot({ id: "s1", created: "2026-01-20T00:00:00" })];
const saved = listing({ at: "2026-01-21T00:00:00Z", points: [...chains, ...snapshots] });

describe("a saved listing", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "audit-"));
  });
  after(() => rm(folder, { recursive: true }));

  it("is loaded as it was, read by its owner only, and leaves nothing beside it", async () => {
    const file = join(folder, "tonight.json");
    await writeFile(file, "yesterday's");
    await saveListing(file, saved);
    assert.deepEqual(await loadListing(file), saved);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ["tonight.json"]);
  });

  it("of version 1 says nothing of snapshots", () => {
    const json = JSON.stringify({ format: "dirigent-audit-listing", ...saved, version: 1 }, (key, value: unknown) =>
      ["snapshots", "mechanism", "snapshotId"].includes(key) ? undefined : value,
    );
    assert.deepEqual(parseListing(json, "x"), { ...saved, snapshots: [] });
  });

  it("needs its folder", async () => {
    const file = join(folder, "nowhere", "tonight.json");
    await assert.rejects(saveListing(file, saved), { kind: "usage", message: `cannot save the listing to ${file}` });
    await assert.rejects(loadListing(file), { kind: "usage", message: `cannot read the listing ${file}` });
  });
});

describe("a file is refused", () => {
  const json = { format: "dirigent-audit-listing", version: 2, ...saved };
  const backup = saved.backups[0];
  const refused: readonly (readonly [string, unknown, string])[] = [
    ["of another kind", { ...json, format: "dump" }, "x.format: expected one of dirigent-audit-listing"],
    ["of a later version", { ...json, version: 3 }, "x.version: expected version 2, the one this program writes, or 1"],
    ["that is no object", [], "x: expected an object"],
    ["without rights", { ...json, rights: "some" }, "x.rights: expected one of proven, unproven, missing"],
    ["without backups", { ...json, backups: null }, "x.backups: expected a list"],
    ["without snapshots", { ...json, snapshots: undefined }, "x.snapshots: expected a list"],
    ["with a backup twice", { ...json, backups: [backup, backup] }, "x.backups: expected each id once"],
    [
      "with a size that is none",
      { ...json, backups: [{ ...backup, sizeGiB: -1 }] },
      "x.backups[0].sizeGiB: expected a number of at least 0",
    ],
    ["with a time that is none", { ...json, endedAt: "yesterday" }, "x.endedAt: expected a date and time"],
    [
      "with marks that are none",
      { ...json, backups: [{ ...backup, metadata: { a: 1 } }] },
      "x.backups[0].metadata.a: expected a string",
    ],
    [
      "with half a truth",
      { ...json, backups: [{ ...backup, isIncremental: "no" }] },
      "x.backups[0].isIncremental: expected true or false",
    ],
    [
      "with a volume of nobody",
      { ...json, volumes: [{ id: "v1", sizeGiB: 1 }] },
      "x.volumes[0].projectId: expected a string",
    ],
  ];
  for (const [name, value, message] of refused) {
    it(name, () => {
      assert.throws(() => parseListing(JSON.stringify(value), "x"), new AuditError("malformed", message));
    });
  }

  it("that is no JSON", () => {
    assert.throws(() => parseListing("{", "x"), { kind: "malformed", message: "x: not JSON" });
  });
});
