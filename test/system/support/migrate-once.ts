import { directIo } from "../../../src/domain/io.ts";
import { openStore } from "../../../src/store/open.ts";

/** One of many processes that meet a new database at the same time: opens it, which migrates it, and uses it. Its URL is the argument. */
const [url = ""] = process.argv.slice(2);
const store = await openStore(url, { io: directIo, migrate: true });
const lease = await store.acquireLease({
  name: "planner",
  owner: String(process.pid),
  now: new Date(0),
  ttlMs: 3_600_000,
});
process.stdout.write(lease === null ? "refused" : `got ${lease.fence}`);
await store.close();
