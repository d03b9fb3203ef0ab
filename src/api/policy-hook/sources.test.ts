import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { writeCatalogueFile } from "../../conductor/catalogue-file.ts";
import type { CatalogueEntry } from "../../domain/catalogue.ts";
import { fileFooter, fileHeader, fileLine, type GuardedPoint } from "../../domain/catalogue-file.ts";
import { directIo } from "../../domain/io.ts";
import { silentLogger } from "../../domain/log.ts";
import { StoreError } from "../../store/errors.ts";
import { catalogueDatabase } from "./catalogue-database.ts";
import { catalogueFile, type WatchedCatalogue } from "./catalogue-file.ts";
import { createLookUp } from "./look-up.ts";

const written = "2026-11-21T00:00:00Z";
const unknown = { automated: false, held: false };

describe("a catalogue from a file", () => {
  let directory: string;
  let path: string;
  let now: Date;
  let catalogue: WatchedCatalogue;
  const clock = { now: () => now, monotonicMs: () => 0, sleep: () => Promise.resolve() };
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "dirigent-hook-"));
    path = join(directory, "catalogue");
    now = new Date(written);
    catalogue = catalogueFile({ path, maxAgeMs: 3_600_000, clock, log: silentLogger });
  });
  afterEach(() => rm(directory, { recursive: true }));

  const replace = async (points: readonly GuardedPoint[], at = written): Promise<void> => {
    const text = fileHeader(new Date(at)) + points.map(fileLine).join("") + fileFooter(points.length);
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
    await catalogue.refresh();
  };
  const backup: GuardedPoint = { kind: "backup", id: "b1", volumeId: "v1", held: false };
  const snapshots: readonly GuardedPoint[] = [
    { kind: "snapshot", id: "s1", volumeId: "v1", held: false },
    { kind: "snapshot", id: "s2", volumeId: "v2", held: true },
    { kind: "snapshot", id: "s3", volumeId: "v2", held: false },
  ];

  it("knows nothing before there is one", async () => {
    assert.deepEqual([catalogue.point("b1"), catalogue.volume("v1")], ["unavailable", "unavailable"]);
    await catalogue.refresh();
    assert.deepEqual([catalogue.point("b1"), catalogue.volume("v1")], ["unavailable", "unavailable"]);
    assert.match(catalogue.problem() ?? "", /^the catalogue file cannot be read: ENOENT/);
  });

  it("knows what is in the file, and follows when it is replaced", async () => {
    await replace([backup, ...snapshots]);
    assert.equal(catalogue.problem(), null);
    assert.deepEqual(
      ["b1", "s2", "b2"].map((id) => catalogue.point(id)),
      [{ automated: true, held: false }, { automated: true, held: true }, unknown],
    );
    assert.deepEqual(
      ["v1", "v2", "v3"].map((id) => catalogue.volume(id)),
      [
        { automatedSnapshots: true, heldSnapshots: false },
        { automatedSnapshots: true, heldSnapshots: true },
        { automatedSnapshots: false, heldSnapshots: false },
      ],
    );
    await replace([{ ...backup, id: "b2" }]);
    assert.deepEqual([catalogue.point("b1"), catalogue.point("b2")], [unknown, { automated: true, held: false }]);
  });

  it("is unavailable once it is stale, and when it comes from the future", async () => {
    await replace([backup]);
    const at = (time: string): string | object => {
      now = new Date(time);
      return [catalogue.problem(), catalogue.point("b9")];
    };
    assert.deepEqual(at("2026-11-21T01:00:00Z"), [null, unknown]);
    assert.deepEqual(at("2026-11-21T01:00:00.001Z"), ["the catalogue file is stale", "unavailable"]);
    assert.deepEqual(at("2026-11-20T23:55:00Z"), [null, unknown]);
    assert.deepEqual(at("2026-11-20T23:54:59Z"), ["the catalogue file is stale", "unavailable"]);
  });

  it("keeps what it knows, until that is stale, when the file is damaged or goes away", async () => {
    await replace([backup]);
    await writeFile(path, "dirigent-catalogue 1 2026-11-21T00:00:00Z\nbackup b2");
    await catalogue.refresh();
    assert.deepEqual([catalogue.point("b1"), catalogue.point("b2")], [{ automated: true, held: false }, unknown]);
    await rm(path);
    await catalogue.refresh();
    assert.deepEqual(catalogue.point("b1"), { automated: true, held: false });
    now = new Date("2026-11-21T02:00:00Z");
    assert.equal(catalogue.point("b1"), "unavailable");
    await replace([backup], "2026-11-21T02:00:00Z");
    assert.deepEqual(catalogue.point("b1"), { automated: true, held: false });
  });

  it("reads what the conductor writes, which reads its own catalogue page by page", async () => {
    const entry = (id: string, held: boolean, mechanism: CatalogueEntry["mechanism"] = "backup") =>
      ({ backupId: id, mechanism, volumeId: `v-${id}`, held }) as CatalogueEntry;
    const pages = new Map<string | undefined, readonly CatalogueEntry[]>([
      [undefined, [entry("b1", false), entry("b2", true)]],
      ["b2", [entry("b3", false), entry("s4", true, "snapshot")]],
    ]);
    const repository = { catalogue: async ({ after }: { after?: string } = {}) => [...(pages.get(after) ?? [])] };
    await writeCatalogueFile({ path, repository, clock, io: directIo, log: silentLogger });
    await catalogue.refresh();
    assert.deepEqual(
      ["b1", "b2", "b3", "b4"].map((id) => catalogue.point(id)),
      [{ automated: true, held: false }, { automated: true, held: true }, { automated: true, held: false }, unknown],
    );
    assert.deepEqual(catalogue.point("s4"), { automated: true, held: true });
    assert.deepEqual(
      ["v-s4", "v-b2"].map((id) => catalogue.volume(id)),
      [
        { automatedSnapshots: true, heldSnapshots: true },
        { automatedSnapshots: false, heldSnapshots: false },
      ],
    );
  });
});

describe("a catalogue from a database", () => {
  it("is asked each time, and unavailable while it fails", async () => {
    let broken = false;
    const held = new Map([["b1", { held: true }]]);
    const ask = async (id: string) => {
      if (broken) throw new StoreError("gone", { transient: true });
      return held.get(id) ?? null;
    };
    const points = { point: ask, snapshotsOf: ask, close: () => Promise.resolve() };
    const catalogue = catalogueDatabase(points, silentLogger);
    const look = async (): Promise<unknown[]> => [
      await catalogue.point("b1"),
      await catalogue.point("b2"),
      await catalogue.volume("b1"),
      catalogue.problem(),
    ];
    const answered = [
      { automated: true, held: true },
      unknown,
      { automatedSnapshots: true, heldSnapshots: true },
      null,
    ];
    assert.deepEqual(await look(), answered);
    broken = true;
    const trouble = "the catalogue's database does not answer";
    assert.deepEqual(await look(), ["unavailable", "unavailable", "unavailable", trouble]);
    broken = false;
    assert.deepEqual(await look(), answered);
  });
});

describe("a look-up", () => {
  const object = { projectId: "p", creatorId: "u", metadata: {} };

  it("asks once for a thousand who want the same, and again for the next", async () => {
    const asked: string[] = [];
    const reply = Promise.withResolvers<typeof object>();
    const ask = (kind: string, id: string) => {
      asked.push(`${kind} ${id}`);
      return reply.promise;
    };
    const lookUp = createLookUp({ ask, timeoutMs: 300, log: silentLogger });
    const answers = [...Array.from({ length: 1000 }, () => lookUp("backup", "b1")), lookUp("snapshot", "b1")];
    reply.resolve(object);
    assert.deepEqual(await Promise.all(answers), Array<typeof object>(1001).fill(object));
    assert.deepEqual(asked, ["backup b1", "snapshot b1"]);
    await lookUp("backup", "b1");
    assert.deepEqual(asked, ["backup b1", "snapshot b1", "backup b1"]);
  });

  it("comes to nothing when it fails, and is tried again by the next", async () => {
    const replies = [Promise.reject(new Error("401")), Promise.resolve(object)];
    const lookUp = createLookUp({
      ask: () => replies.shift() ?? Promise.resolve(null),
      timeoutMs: 300,
      log: silentLogger,
    });
    assert.equal(await lookUp("backup", "b1"), null);
    assert.equal(await lookUp("backup", "b1"), object);
    assert.equal(await lookUp("backup", "b1"), null);
  });

  it("comes to nothing when it takes too long, also where the client does not heed the signal", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const lookUp = createLookUp({ ask: () => new Promise(() => undefined), timeoutMs: 300, log: silentLogger });
    const answer = lookUp("backup", "b1");
    t.mock.timers.tick(310);
    assert.equal(await answer, null);
  });
});
