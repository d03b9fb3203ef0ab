import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { connect, never, rejection } from "../../test/client/connect.ts";
import { FakeCloud, type Reply, type Seen } from "../../test/client/fake-cloud.ts";
import { backupRow, serverRow, volumeRow } from "../../test/client/rows.ts";
import { AllTenantsRefused, CloudError } from "./errors.ts";

/** Volumes as Cinder lists them, newest first; tests delete and add while they are listed. */
class Shelf {
  rows: string[];
  constructor(count: number) {
    this.rows = Array.from({ length: count }, (_, i) => `v${i}`);
  }

  page(query: URLSearchParams): Reply {
    const marker = query.get("marker");
    const at = marker === null ? 0 : this.rows.indexOf(marker) + 1;
    if (marker !== null && at === 0) {
      return { status: 404, body: { itemNotFound: { code: 404, message: `Volume ${marker} could not be found.` } } };
    }
    const limit = Number(query.get("limit"));
    const page = this.rows.slice(at, at + limit);
    const last = page.at(-1);
    if (page.length < limit || last === undefined)
      return { status: 200, body: { volumes: page.map((id) => volumeRow(id)) } };
    const next = new URLSearchParams(query);
    next.set("marker", last);
    return {
      status: 200,
      body: {
        volumes: page.map((id) => volumeRow(id)),
        volumes_links: [{ rel: "next", href: `http://wrong-host.invalid/nowhere?${next.toString()}` }],
      },
    };
  }
}

describe("listings", () => {
  let cloud: FakeCloud;
  before(async () => {
    cloud = await FakeCloud.start();
  });
  beforeEach(() => cloud.reset());
  after(() => cloud.stop());

  const onVolumes = (react: (seen: Seen, page: number) => Reply): void => {
    let page = 0;
    cloud.on((seen) => (seen.path.endsWith("/volumes/detail") ? react(seen, (page += 1)) : null));
  };

  it("follow the query of the next link only, page by page, as they are read", async () => {
    const shelf = new Shelf(5);
    onVolumes((seen) => shelf.page(seen.query));
    const { reader } = await connect(cloud, { pageSize: 2 });
    const volumes = reader.listVolumes(never)[Symbol.asyncIterator]();
    await volumes.next();
    await volumes.next();
    assert.equal(cloud.lines("GET /volume/v3/own/volumes/detail").length, 1);
    const third: unknown = (await volumes.next()).value;
    assert.equal((third as { id: string }).id, "v2");
    await volumes.next();
    await volumes.next();
    assert.equal((await volumes.next()).done, true);
    assert.deepEqual(
      cloud.lines("GET /volume/v3/own/volumes/detail").map((seen) => Object.fromEntries(seen.query)),
      [
        { all_tenants: "1", limit: "2" },
        { all_tenants: "1", limit: "2", marker: "v1" },
        { all_tenants: "1", limit: "2", marker: "v3" },
      ],
    );
  });

  it("keep what was asked for, also when a link has lost it", async () => {
    onVolumes((_, page) => ({
      status: 200,
      body: {
        volumes: [volumeRow(`v${page}`)],
        ...(page === 1 ? { volumes_links: [{ rel: "next", href: "?marker=v1" }] } : {}),
      },
    }));
    const { reader } = await connect(cloud, { pageSize: 1 });
    await Array.fromAsync(reader.listVolumes(never));
    assert.deepEqual(Object.fromEntries(cloud.seen.at(-1)!.query), { all_tenants: "1", limit: "1", marker: "v1" });
  });

  it("fail when links go in a circle, and do not pass for whole", async () => {
    onVolumes((seen) => {
      const next = seen.query.get("marker") === "v1" ? "v2" : "v1";
      return {
        status: 200,
        body: { volumes: [volumeRow(next)], volumes_links: [{ rel: "next", href: `http://x/?marker=${next}` }] },
      };
    });
    const { reader } = await connect(cloud);
    const error = await rejection(Array.fromAsync(reader.listVolumes(never)));
    assert.ok(error instanceof CloudError);
    assert.deepEqual([error.kind, error.detail], ["malformed", "the links to the next page go in a circle"]);
    assert.equal(cloud.lines("GET /volume/v3/own/volumes/detail").length, 5);
  });

  it("come through pages of known rows after a step back to the start", async () => {
    const shelf = new Shelf(12);
    onVolumes((seen, page) => {
      // Of the six rows that were read, only the first, third and fifth are left: the way back leads to the first.
      if (page === 4) shelf.rows = shelf.rows.filter((id) => !["v1", "v3", "v4", "v5"].includes(id));
      return shelf.page(seen.query);
    });
    const { reader } = await connect(cloud, { pageSize: 2 });
    const ids = (await Array.fromAsync(reader.listVolumes(never))).map((v) => v.id);
    assert.deepEqual(ids, new Shelf(12).rows);
  });

  it("go on after the last row that still exists when a marker was deleted, in few steps", async () => {
    const shelf = new Shelf(100);
    onVolumes((seen, page) => {
      if (page === 2) shelf.rows = shelf.rows.filter((id) => id === "v2" || Number(id.slice(1)) >= 40);
      return shelf.page(seen.query);
    });
    const { reader } = await connect(cloud, { pageSize: 40 });
    const ids = (await Array.fromAsync(reader.listVolumes(never))).map((v) => v.id);
    assert.deepEqual(ids, new Shelf(100).rows);
    const markers = cloud.lines("GET /volume/v3/own/volumes/detail").map((seen) => seen.query.get("marker"));
    assert.deepEqual(markers, [null, "v39", "v38", "v36", "v32", "v24", "v8", "v0", null, "v78"]);
  });

  it("believe Nova's way of saying it, too", async () => {
    const pages: [marker: string | null, Reply][] = [
      [
        null,
        {
          status: 200,
          body: {
            servers: [serverRow("s1"), serverRow("s2")],
            servers_links: [{ rel: "next", href: "http://x/?limit=2&marker=s2" }],
          },
        },
      ],
      ["s2", { status: 400, body: { badRequest: { code: 400, message: "marker [s2] not found" } } }],
      ["s1", { status: 200, body: { servers: [serverRow("s3")] } }],
    ];
    cloud.on((seen) =>
      seen.path === "/compute/v2.1/servers/detail"
        ? (pages.find(([marker]) => marker === seen.query.get("marker"))?.[1] ?? null)
        : null,
    );
    const { reader } = await connect(cloud, { pageSize: 2 });
    assert.deepEqual(
      (await Array.fromAsync(reader.listServers(never))).map((s) => s.id),
      ["s1", "s2", "s3"],
    );
  });

  it("fail when all remembered rows are gone: the reader may have lost its rights", async () => {
    const shelf = new Shelf(9);
    onVolumes((seen, page) => {
      if (page === 4) shelf.rows = [];
      return shelf.page(seen.query);
    });
    const { reader } = await connect(cloud, { pageSize: 2 });
    const read: string[] = [];
    const error = await rejection(
      (async () => {
        for await (const volume of reader.listVolumes(never)) read.push(volume.id);
      })(),
    );
    assert.ok(error instanceof CloudError);
    assert.deepEqual([error.status, error.detail], [404, "Volume v5 could not be found."]);
    assert.deepEqual(read, ["v0", "v1", "v2", "v3", "v4", "v5"]);
  });

  it("fail when a page fails for good; nothing passes for a whole listing", async () => {
    const shelf = new Shelf(4);
    onVolumes((seen, page) =>
      page === 1 ? shelf.page(seen.query) : { status: 403, body: { forbidden: { message: "no" } } },
    );
    const { reader } = await connect(cloud, { pageSize: 2 });
    const error = await rejection(Array.fromAsync(reader.listVolumes(never)));
    assert.ok(error instanceof CloudError);
    assert.deepEqual([error.status, error.detail], [403, "no"]);
  });

  it("fail when an answer has no list, and say which field of which row is wrong", async () => {
    onVolumes((_, page) => ({ status: 200, body: page === 1 ? {} : { volumes: [volumeRow("v1", { size: null })] } }));
    const { reader } = await connect(cloud);
    const details = [];
    for (let i = 0; i < 2; i += 1) {
      const error = await rejection(Array.fromAsync(reader.listVolumes(never)));
      assert.ok(error instanceof CloudError);
      details.push([error.kind, error.detail]);
    }
    assert.deepEqual(details, [
      ["malformed", "answer.volumes is not a list"],
      ["malformed", "answer.volumes[].size is not a number"],
    ]);
  });

  it("of servers are refused with an error of their own", async () => {
    const message = "Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be performed.";
    cloud.reply("GET /compute/v2.1/servers/detail", { status: 403, body: { forbidden: { code: 403, message } } });
    const { reader } = await connect(cloud);
    const error = await rejection(Array.fromAsync(reader.listServers(never)));
    assert.ok(error instanceof AllTenantsRefused);
    assert.equal(error.message, `GET compute/servers/detail answered 403: ${message}`);
  });

  it("of projects follow Keystone's links, and fail when it cut the list without one", async () => {
    const row = (id: string): object => ({ id, name: `n-${id}`, domain_id: "d", enabled: true });
    cloud.reply("GET /v3/domains", { status: 200, body: { domains: [], links: { next: null } } });
    cloud.reply(
      "GET /v3/projects",
      { status: 200, body: { projects: [row("p1")], links: { next: "http://x/v3/projects?marker=p1", self: "" } } },
      { status: 200, body: { projects: [row("p2")], links: { next: null, self: "" } } },
      { status: 200, body: { projects: [row("p1")], links: { next: null }, truncated: true } },
    );
    const { reader } = await connect(cloud);
    assert.deepEqual(
      (await reader.projects(never)).map((p) => p.id),
      ["p1", "p2"],
    );
    const error = await rejection(reader.projects(never));
    assert.ok(error instanceof CloudError);
    assert.equal(error.detail, "Keystone cut the list (see its list_limit)");
  });

  it("give each row that lives through the listing exactly once, or fail, whatever is deleted and added meanwhile", async () => {
    let whole = 0;
    let steppedBack = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 25 }),
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.record({ gone: fc.array(fc.nat(25), { maxLength: 8 }), added: fc.nat(2) }), { maxLength: 20 }),
        async (count, pageSize, events) => {
          cloud.reset();
          const shelf = new Shelf(count);
          const original = [...shelf.rows];
          let added = 0;
          const lost: number[] = [];
          onVolumes((seen, page) => {
            const event = page > 1 ? events[page - 2] : undefined;
            for (const n of event?.gone ?? []) shelf.rows = shelf.rows.filter((id) => id !== `v${n}`);
            for (let i = 0; i < (event?.added ?? 0); i += 1) shelf.rows.unshift(`new${(added += 1)}`);
            const reply = shelf.page(seen.query);
            if (reply.status === 404) lost.push(page);
            return reply;
          });
          const clouds = await connect(cloud, { pageSize });
          const read: string[] = [];
          try {
            for await (const volume of clouds.reader.listVolumes(never)) read.push(volume.id);
            const kept = original.filter((id) => shelf.rows.includes(id));
            assert.deepEqual(
              kept.filter((id) => !read.includes(id)),
              [],
            );
            whole += 1;
            if (lost.length > 0) steppedBack += 1;
          } catch (error) {
            if (!(error instanceof CloudError)) throw error;
            assert.equal(error.status, 404);
          } finally {
            clouds.close();
          }
          assert.equal(new Set(read).size, read.length, `doubled: ${read.join(" ")}`);
          assert.deepEqual(
            read.filter((id) => original.includes(id)),
            original.filter((id) => read.includes(id)),
          );
        },
      ),
      { numRuns: 100, seed: 2 },
    );
    assert.ok(whole > 50 && steppedBack > 10, `${whole} whole, ${steppedBack} of them with a step back`);
  });

  it("of backups ask for what they are narrowed to", async () => {
    cloud.reply("GET /volume/v3/own/backups/detail", { status: 200, body: { backups: [backupRow("b1")] } });
    const { reader } = await connect(cloud, { pageSize: 7 });
    await Array.fromAsync(
      reader.listBackups({ status: "creating", volumeId: "v", parentId: "b", projectId: "p" }, never),
    );
    assert.deepEqual(
      (await reader.childrenOf("b0", never)).map((b) => b.id),
      ["b1"],
    );
    assert.deepEqual(
      cloud.lines("GET /volume/v3/own/backups/detail").map((seen) => Object.fromEntries(seen.query)),
      [
        { all_tenants: "1", limit: "7", status: "creating", volume_id: "v", parent_id: "b", project_id: "p" },
        { all_tenants: "1", limit: "7", parent_id: "b0" },
      ],
    );
  });
});
