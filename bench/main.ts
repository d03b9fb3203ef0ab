/**
 * `npm run bench [-- --json]`: what the conductor costs. A simulated cloud runs in one process, each cycle of the production conductor in another, so that
 * memory and CPU are the conductor's alone; compiled, as it is installed. Ends with 1 when a goal is missed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureBigCloud } from "./big-cloud.ts";
import { measureJobs } from "./jobs.ts";
import { describe, missed, type Figure } from "./figures.ts";

const { values: options } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const note = (text: string): void => void process.stderr.write(`${text}\n`);
const directory = await mkdtemp(join(tmpdir(), "dirigent-bench-"));
try {
  const figures: Figure[] = [...(await measureBigCloud(directory, note)), ...(await measureJobs(directory, note))];
  const machine = `${cpus()[0]?.model ?? "unknown"}, ${availableParallelism()} processors, Node.js ${process.version}`;
  if (options.json) process.stdout.write(`${JSON.stringify({ machine, figures }, null, 2)}\n`);
  else process.stdout.write(`${machine}\n\n${describe(figures)}`);
  process.exitCode = missed(figures).length === 0 ? 0 : 1;
} finally {
  await rm(directory, { recursive: true });
}
