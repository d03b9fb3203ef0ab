import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { directIo } from "../domain/io.ts";
import { StoreLockedError } from "./errors.ts";
import { lockExclusively } from "./lock.ts";
import { openStore } from "./open.ts";

describe("the lock of a conductor on SQLite", () => {
  let dir: string;
  let path: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "dirigent-lock-"));
    path = join(dir, "dirigent.db");
  });
  afterEach(() => rm(dir, { recursive: true }));
  const refused = (error: unknown) =>
    error instanceof StoreLockedError && /another conductor works on/.test(error.message) && !error.transient;

  it("is held by one at a time, also through a link, and does not hinder the database", async () => {
    const held = await lockExclusively(path);
    await symlink(path, join(dir, "link.db"));
    await assert.rejects(lockExclusively(path), refused);
    await assert.rejects(lockExclusively(join(dir, "link.db")), refused);
    const store = await openStore(`sqlite:${path}`, { io: directIo });
    assert.deepEqual(await store.runs({ limit: 1 }), []);
    await store.close();
    assert.equal((await stat(`${path}.lock`)).mode & 0o777, 0o600);
    await held.release();
    await (await lockExclusively(path)).release();
  });

  it("is free as soon as its holder is killed", async () => {
    const module = JSON.stringify(pathToFileURL(join(import.meta.dirname, "lock.ts")).href);
    const script = `const { lockExclusively } = await import(${module});
      globalThis.held = await lockExclusively(${JSON.stringify(path)});
      console.log("held"); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const gone = once(child, "exit");
    try {
      const [said] = (await once(child.stdout, "data")) as [Buffer];
      assert.equal(said.toString(), "held\n");
      await assert.rejects(lockExclusively(path), refused);
    } finally {
      child.kill("SIGKILL");
      await gone;
    }
    await (await lockExclusively(path)).release();
  });
});
