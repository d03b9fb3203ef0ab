import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Server, Volume } from "../domain/inventory.ts";
import { backupIds } from "./backup-ids.ts";
import { UsageError } from "./exit-codes.ts";
import { findTarget } from "./find-target.ts";

const server = (id: string, name: string): Server => ({
  id,
  name,
  projectId: `p-${id}`,
  status: "ACTIVE",
  locked: false,
  metadata: {},
  tags: [],
  availabilityZone: "nova",
  volumeIds: [],
});
const volume = (id: string, name: string): Volume => ({
  id,
  name,
  projectId: `p-${id}`,
  status: "available",
  sizeGiB: 1,
  volumeType: null,
  bootable: false,
  multiattach: false,
  encrypted: false,
  availabilityZone: "nova",
  snapshotId: null,
  metadata: {},
  serverIds: [],
  pool: null,
});
const inventory = {
  servers: [server("s1", "db"), server("s2", "web"), server("s3", "v2")],
  volumes: new Map([volume("v1", "data"), volume("v2", "web"), volume("v3", "data")].map((each) => [each.id, each])),
};

describe("what protect is asked for", () => {
  it("is found by id before name, and by a name that only one has", () => {
    assert.deepEqual(findTarget(inventory, "db"), { kind: "server", server: inventory.servers[0] });
    assert.deepEqual(findTarget(inventory, "v2"), { kind: "volume", volume: inventory.volumes.get("v2") });
  });
  it("is refused with all that an ambiguous name may mean", () => {
    const says = (message: string) => (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.message, message);
      return true;
    };
    assert.throws(
      () => findTarget(inventory, "web"),
      says('"web" is the name of 2: server s2 in project p-s2; volume v2 in project p-v2; name one by its id'),
    );
    assert.throws(
      () => findTarget(inventory, "data"),
      says('"data" is the name of 2: volume v1 in project p-v1; volume v3 in project p-v3; name one by its id'),
    );
    assert.throws(
      () => findTarget(inventory, "Data"),
      says('no server and no volume has the id or name "Data"; names are compared exactly'),
    );
  });
  it("ids of backups are UUIDs, each once", () => {
    const id = "0A9C1E0E-0000-4000-8000-00000000000f";
    assert.deepEqual(backupIds([id, id.toLowerCase()]), [id.toLowerCase()]);
    assert.throws(() => backupIds([id, "nonsense"]), /nonsense is not the id of a backup; `dirigent backups list`/);
  });
});
