// West of Greenwich, so that an instant read or written in local time shows.
process.env["TZ"] = "America/Los_Angeles";

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe } from "node:test";
import { storeContract } from "./store.ts";

describe("the store on SQLite", () => {
  const dir = mkdtempSync(join(tmpdir(), "dirigent-store-"));
  after(() => rmSync(dir, { recursive: true, force: true }));
  let databases = 0;
  storeContract(() => {
    databases += 1;
    return Promise.resolve(`sqlite:${join(dir, `contract-${databases}.db`)}`);
  });
});
