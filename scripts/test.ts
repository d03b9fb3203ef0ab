/** `npm test`: everything that needs npm's packages only. What needs a real cloud or MariaDB is in test/system. */
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { exitCodeOf, runTests } from "./run-tests.ts";

const root = join(import.meta.dirname, "..");
// The long ones first, so that the short ones fill what is left at the end.
const patterns = ["test/{contract,simulation,unit}/**/*.test.ts", "src/**/*.test.ts"];
const files = patterns.flatMap((pattern) => globSync(pattern, { cwd: root }).sort()).map((file) => join(root, file));
if (files.length === 0) throw new Error(`no test file matches ${patterns.join(" or ")}`);
const outcome = await runTests([
  { name: "unit, contract and simulation", files, concurrency: availableParallelism(), timeoutMs: 15 * 60_000 },
]);
process.exitCode = exitCodeOf(outcome);
