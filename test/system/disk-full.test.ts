import assert from "node:assert/strict";
import { mkdtemp, rm, statfs, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { directIo } from "../../src/domain/io.ts";
import { openStore } from "../../src/store/open.ts";
import { now, operation, run, storeError } from "../contract/store-rows.ts";
import { mustRun } from "./support/processes.ts";

let disk = "";
before(async () => {
  disk = await mkdtemp(join(tmpdir(), "dirigent-disk-"));
  await mustRun("mount", ["-t", "tmpfs", "-o", "size=4m", "dirigent-test", disk], { timeoutMs: 10_000 });
});
after(async () => {
  // Lazily: the driver closes a connection that met an error only when its garbage is collected.
  await mustRun("umount", ["--lazy", disk], { timeoutMs: 10_000 });
  await rm(disk, { recursive: true });
});

it("a disk that is really full is named, loses nothing of SQLite's, and all goes on when there is room", async () => {
  const store = await openStore(`sqlite:${join(disk, "dirigent.db")}`, { io: directIo, migrate: true });
  try {
    await store.insertRun(run("before"));
    const ballast = join(disk, "ballast");
    const { bavail, bsize } = await statfs(disk);
    await writeFile(ballast, Buffer.alloc(bavail * bsize));
    const message = "x".repeat(1000);
    const many = Array.from({ length: 500 }, (_, i) => operation(`o${i}`, { at: now, message }));
    await assert.rejects(
      store.appendOperations(many),
      storeError(false, /dirigent\.db cannot (grow|be read or written)/),
    );
    assert.deepEqual(await store.operations({}), [], "all or nothing");
    assert.deepEqual(await store.runs({ limit: 9 }), [run("before")]);
    await truncate(ballast);
    await store.appendOperations(many);
    assert.equal((await store.operations({})).length, many.length);
  } finally {
    await store.close();
  }
});
