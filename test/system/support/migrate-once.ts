import { directIo } from "../../../src/domain/io.ts";
import { openStore } from "../../../src/store/open.ts";

/**
 * One of several processes that meet a new database at the same time: opens it several times at once, which migrates it, and asks for a lease each
 * time; prints a fence or null for each. Arguments: its URL, and how many times.
 */
const [url = "", times] = process.argv.slice(2);
const fences = await Promise.all(
  Array.from({ length: Number(times) }, async (_, i) => {
    const store = await openStore(url, { io: directIo, migrate: true });
    const owner = `${process.pid}/${i}`;
    const lease = await store.acquireLease({ name: "planner", owner, now: new Date(0), ttlMs: 3_600_000 });
    await store.close();
    return lease?.fence ?? null;
  }),
);
process.stdout.write(JSON.stringify(fences));
