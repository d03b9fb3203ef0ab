import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eachWithFakeCloud, full, id, incremental } from "../../test/audit/harness.ts";
import { AuditError } from "./errors.ts";
import type { ListingOptions } from "./listing.ts";

const harness = eachWithFakeCloud();
const gets = () => harness.sent("GET");
const asked = () => gets().flatMap((each) => each.query.get("parent_id") ?? []);

describe("a listing", () => {
  it("holds what Cinder shows, times in UTC", async () => {
    harness.cloud.backups = [{ ...full(1), metadata: { a: "b" } }];
    harness.cloud.snapshots = [{ ...full(2), metadata: { c: "d" } }];
    assert.deepEqual(await harness.take(), {
      startedAt: "2026-11-21T05:00:00.000Z",
      endedAt: "2026-11-21T05:00:01.000Z",
      rights: "proven",
      backups: [
        {
          mechanism: "backup",
          id: id(1),
          volumeId: "v1",
          projectId: "p1",
          userId: "conductor",
          status: "available",
          sizeGiB: 1,
          createdAt: "2026-11-21T04:06:16.000Z",
          updatedAt: null,
          failReason: null,
          isIncremental: false,
          parentId: null,
          metadata: { a: "b" },
        },
      ],
      snapshots: [
        {
          mechanism: "snapshot",
          id: id(2),
          volumeId: "v1",
          projectId: "p1",
          userId: "conductor",
          status: "available",
          sizeGiB: 1,
          createdAt: "2026-11-21T04:06:16.000Z",
          updatedAt: null,
          failReason: null,
          isIncremental: false,
          parentId: null,
          metadata: { c: "d" },
        },
      ],
      volumes: [{ id: "v1", projectId: "p1", sizeGiB: 1, snapshotId: null }],
    });
  });

  it("sends nothing but the login and GETs, for all projects, oldest first, at a microversion that shows the creator", async () => {
    harness.cloud.backups = [full(1)];
    await harness.take();
    assert.deepEqual(
      harness.cloud.requests.map((each) => `${each.method} ${each.path}?${each.query.toString()}`),
      [
        "POST /identity/v3/auth/tokens?",
        "GET /v3/backups/detail?all_tenants=1&sort=created_at%3Aasc%2Cid%3Aasc&limit=2",
        "GET /v3/snapshots/detail?all_tenants=1&sort=created_at%3Aasc%2Cid%3Aasc&limit=2",
        "GET /v3/volumes/detail?all_tenants=1&sort=created_at%3Aasc%2Cid%3Aasc&limit=2",
      ],
    );
    assert.deepEqual(
      gets().map((each) => [each.headers["openstack-api-version"], each.headers["x-auth-token"]]),
      [
        ["volume 3.56", "token-1"],
        ["volume 3.56", "token-1"],
        ["volume 3.56", "token-1"],
      ],
    );
  });

  it("follows the pages by marker, whatever host their links name", async () => {
    harness.cloud.backups = [1, 2, 3, 4, 5].map(full);
    const listing = await harness.take();
    assert.deepEqual(
      listing.backups.map((each) => each.id),
      [1, 2, 3, 4, 5].map(id),
    );
    assert.deepEqual(
      gets().flatMap((each) => (each.path.includes("backups") ? [each.query.get("marker")] : [])),
      [null, id(2), id(4)],
    );
  });

  it("goes on from an earlier row when markers were deleted between pages", async () => {
    harness.cloud.backups = [1, 2, 3, 4, 5, 6, 7].map(full);
    harness.cloud.intercept = ({ query }) => {
      if (query.get("marker") === id(6)) harness.cloud.backups = [1, 2, 7].map(full);
      return undefined;
    };
    const listing = await harness.take();
    // What was seen before it went stays: it was there when its page was read.
    assert.deepEqual(
      listing.backups.map((each) => each.id),
      [1, 2, 3, 4, 5, 6, 7].map(id),
    );
    const markers = gets().flatMap((each) => (each.path.includes("backups") ? [each.query.get("marker")] : []));
    assert.deepEqual(markers, [null, id(2), id(4), id(6), id(5), id(3), null, id(2)]);
  });

  it("begins again when all that it knows was deleted", async () => {
    harness.cloud.backups = [1, 2, 3].map(full);
    harness.cloud.intercept = ({ query }) => {
      if (query.get("marker") === id(2)) harness.cloud.backups = [full(3)];
      return undefined;
    };
    assert.deepEqual(
      (await harness.take()).backups.map((each) => each.id),
      [1, 2, 3].map(id),
    );
  });

  it("gives up on pages that lead in a circle", async () => {
    const backups_links = [{ rel: "next", href: `http://x.invalid/?marker=${id(1)}` }];
    harness.cloud.intercept = ({ path }) =>
      path === "/v3/backups/detail" ? { status: 200, body: { backups: [{ id: id(1) }], backups_links } } : undefined;
    await assert.rejects(harness.take(), new AuditError("malformed", `backups: page ${id(1)} leads back to itself`));
  });
});

describe("the reader's rights", () => {
  it("are missing when backups come without their project", async () => {
    harness.cloud.isAdmin = false;
    harness.cloud.backups = [full(1), incremental(2, 1)];
    const listing = await harness.take();
    assert.equal(listing.rights, "missing");
    // Cinder would answer 400.
    assert.deepEqual(asked(), []);
  });

  it("are missing when a snapshot comes without its project", async () => {
    harness.cloud.isAdmin = false;
    harness.cloud.snapshots = [full(1)];
    assert.equal((await harness.take()).rights, "missing");
  });

  it("are unproven without any backup, unless rows of two projects are shown", async () => {
    assert.equal((await harness.take()).rights, "unproven");
    harness.cloud.snapshots = [full(1)];
    assert.equal((await harness.take()).rights, "unproven");
    harness.cloud.snapshots = [{ ...full(1), project: "p2" }];
    assert.equal((await harness.take()).rights, "proven");
  });
});

describe("parents", () => {
  const links = async (options?: Partial<ListingOptions>) =>
    Object.fromEntries((await harness.take(options)).backups.map((each) => [each.id, each.parentId]));

  it("are found by asking for children, newest first, until each incremental has one", async () => {
    harness.cloud.backups = [full(1), incremental(2, 1), incremental(3, 2), full(4)];
    assert.deepEqual(await links(), { [id(1)]: null, [id(2)]: id(1), [id(3)]: id(2), [id(4)]: null });
    assert.deepEqual(asked(), [id(4), id(3), id(2), id(1)]);
  });

  it("named by a mark are asked first, and no others if the mark is right", async () => {
    harness.cloud.backups = [full(1), { ...incremental(2, 1), metadata: { "dirigent:parent": id(1) } }, full(3)];
    assert.deepEqual(await links(), { [id(1)]: null, [id(2)]: id(1), [id(3)]: null });
    assert.deepEqual(asked(), [id(1)]);
  });

  it("are not believed to be what a mark says", async () => {
    harness.cloud.backups = [full(1), full(2), { ...incremental(3, 1), metadata: { "dirigent:parent": id(2) } }];
    assert.equal((await links())[id(3)], id(1));
  });

  it("that are gone are found by a mark", async () => {
    harness.cloud.backups = [full(1), { ...incremental(3, 2), metadata: { "dirigent:parent": id(2) } }];
    assert.equal((await links())[id(3)], id(2));
  });

  it("that are gone are found by an earlier listing", async () => {
    harness.cloud.backups = [full(2), incremental(3, 2)];
    const formerParents = await harness.take();
    harness.cloud.backups = [full(1), incremental(3, 2)];
    assert.equal((await links({ formerParents }))[id(3)], id(2));
  });

  it("that nobody names stay unknown, and values that are no ids are not asked", async () => {
    harness.cloud.backups = [full(1), { ...incremental(3, 2), metadata: { "dirigent:parent": "../secrets" } }];
    assert.equal((await links())[id(3)], null);
    assert.deepEqual(asked(), [id(3), id(1)]);
  });

  it("are not missed for an incremental that vanished meanwhile", async () => {
    harness.cloud.backups = [full(1), incremental(2, 1)];
    harness.cloud.intercept = ({ query }) => {
      if (query.has("parent_id")) harness.cloud.backups = [full(1)];
      return undefined;
    };
    assert.deepEqual(await links(), { [id(1)]: null });
  });
});
