import { basename } from "node:path";
import { Readable } from "node:stream";
import { run } from "node:test";
import { spec } from "node:test/reporters";

/** Test files that run together. */
export interface Suite {
  readonly name: string;
  readonly files: readonly string[];
  /** How many files at a time. */
  readonly concurrency: number;
  /** For the whole suite; what still runs then is ended and fails. */
  readonly timeoutMs: number;
}

const COUNTS = ["tests", "suites", "passed", "failed", "cancelled", "skipped", "todo"] as const;
type Counts = Record<(typeof COUNTS)[number], number>;
const LABELS: Record<keyof Counts, string> = {
  tests: "tests",
  suites: "suites",
  passed: "pass",
  failed: "fail",
  cancelled: "cancelled",
  skipped: "skipped",
  todo: "todo",
};

interface RunnerEvent {
  readonly type: string;
  readonly data: {
    readonly file?: string;
    readonly nesting?: number;
    readonly message?: string;
    readonly counts?: Counts;
    readonly duration_ms?: number;
    readonly success?: boolean;
  };
}

/** Whether every suite passed; `ran` counts all tests, `idle` those that were skipped or left to do. */
export interface Outcome {
  readonly passed: boolean;
  readonly ran: number;
  readonly idle: number;
}

const note = (message: string): RunnerEvent => ({ type: "test:diagnostic", data: { nesting: 0, message } });
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/**
 * Runs the suites one after another with node's test runner, prints them in its own words, says after each how long it
 * took, and closes with one summary of all (the runner by itself would print one per suite).
 * @param stop ends the suite that runs and starts no other
 */
export async function runTests(suites: readonly Suite[], stop = new AbortController().signal): Promise<Outcome> {
  const total: Counts = { tests: 0, suites: 0, passed: 0, failed: 0, cancelled: 0, skipped: 0, todo: 0 };
  const failed: string[] = [];
  const start = performance.now();

  async function* events(): AsyncGenerator<RunnerEvent> {
    for (const suite of suites) {
      if (stop.aborted) break;
      const began = performance.now();
      const limit = AbortSignal.timeout(suite.timeoutMs);
      // Named here too: a test that hangs should be reported by its name before the suite is ended as a whole.
      const timeout = Math.max(1000, suite.timeoutMs - 10_000);
      const stream = run({
        files: [...suite.files],
        concurrency: suite.concurrency,
        timeout,
        signal: AbortSignal.any([limit, stop]),
      });
      const times: { readonly file: string; readonly ms: number }[] = [];
      for await (const event of stream as AsyncIterable<RunnerEvent>) {
        if (event.type === "test:summary" && event.data.file === undefined) {
          for (const key of COUNTS) total[key] += event.data.counts?.[key] ?? 0;
          if (event.data.success !== true) failed.push(suite.name);
        } else if (!isClosingLine(event)) {
          const { type, data } = event;
          if (type === "test:summary" && data.file !== undefined)
            times.push({ file: data.file, ms: data.duration_ms ?? 0 });
          yield event;
        }
      }
      if (suite.files.length > 1) {
        const slowest = times.sort((a, b) => b.ms - a.ms).slice(0, 5);
        yield note(`slowest: ${slowest.map((t) => `${suiteName(t.file)} ${seconds(t.ms)}`).join(", ")}`);
      }
      const took = seconds(performance.now() - began);
      if (limit.aborted) {
        failed.push(suite.name);
        yield note(`suite ${suite.name} was ended: over its limit of ${seconds(suite.timeoutMs)}`);
      } else yield note(`suite ${suite.name} took ${took}`);
    }
    for (const key of COUNTS) yield note(`${LABELS[key]} ${total[key]}`);
    yield note(`duration_ms ${(performance.now() - start).toFixed(0)}`);
  }

  for await (const text of Readable.from(events()).compose(spec)) process.stdout.write(text);
  return { passed: failed.length === 0 && !stop.aborted, ran: total.tests, idle: total.skipped + total.todo };
}

function isClosingLine({ type, data }: RunnerEvent): boolean {
  return (
    type === "test:diagnostic" &&
    data.file === undefined &&
    data.nesting === 0 &&
    /^\w+ [\d.]+$/.test(data.message ?? "")
  );
}

/** The exit code of a run, after saying on stderr what makes it a failure besides failed tests. */
export function exitCodeOf(outcome: Outcome): number {
  if (outcome.ran === 0) console.error("no test ran");
  if (outcome.idle > 0) console.error(`${outcome.idle} tests were skipped or left to do: a test runs or goes`);
  return outcome.passed && outcome.ran > 0 && outcome.idle === 0 ? 0 : 1;
}

/** `nights` of `test/system/nights.test.ts`. */
export const suiteName = (file: string): string => basename(file, ".test.ts");
