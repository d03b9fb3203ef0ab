/**
 * `npm run bench:policy [-- --json]`: how fast the policy hook answers, beside servers that decide nothing. All are measured in turn, several times, so that
 * what else the machine does falls on all of them; the best round of each counts. Goals are shown, not demanded.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { formOf, recordedCheck, recordedTarget } from "../../src/api/policy-hook/testing.ts";
import { table } from "../../src/cli/output.ts";
import { fileFooter, fileHeader, fileLine } from "../../src/domain/catalogue-file.ts";
import { Child } from "../processes.ts";
import type { CloudFacts, CloudOrder, CloudQuestion } from "../cloud.ts";
import { measure, type Load, type Measured } from "./load.ts";
import type { ServerOrder } from "./server.ts";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
  },
});
const rounds = Number(options.rounds);
const durationMs = 1000 * Number(options.seconds);
const catalogueSize = 100_000;

/** As recorded, head and all. */
const requestOf = (body: string, keepAlive: boolean): Buffer =>
  Buffer.from(
    [
      "POST /v1/backup HTTP/1.1",
      "Host: 127.0.0.1:8808",
      "User-Agent: python-requests/2.28.1",
      "Accept-Encoding: gzip, deflate",
      "Accept: */*",
      `Connection: ${keepAlive ? "keep-alive" : "close"}`,
      `Content-Length: ${body.length}`,
      "Content-Type: application/x-www-form-urlencoded",
      "",
      body,
    ].join("\r\n"),
  );

interface Contender {
  readonly order: ServerOrder;
  readonly bodies: readonly string[];
  readonly expect: string;
}

interface Result {
  readonly kind: ServerOrder["kind"];
  readonly keepAlive: boolean;
  /** Microseconds of work of the server's processor for a request, which other work on the machine changes little. */
  readonly cpuMicros: number;
  readonly peak: Measured;
  /** At half of the peak's rate. */
  readonly half: Measured;
}

const recorded = formOf(recordedCheck);
const directory = await mkdtemp(join(tmpdir(), "dirigent-bench-policy-"));
const children: { end(): Promise<void> }[] = [];

async function contenders(): Promise<Contender[]> {
  const file = join(directory, "catalogue");
  const lines = Array.from({ length: catalogueSize }, (_, i) => {
    const id = `00000000-0000-4000-8000-${i.toString(16).padStart(12, "0")}`;
    return fileLine({ kind: "backup", id, volumeId: id, held: i % 100 === 0 });
  });
  await writeFile(file, fileHeader(new Date()) + lines.join("") + fileFooter(catalogueSize));
  const plan: CloudOrder = { offsetMs: 0, projects: 1, servers: 50, volumesPerServer: 1, backupsPerVolume: 1 };
  const cloud = new Child<CloudQuestion>("cloud", plan);
  children.push(cloud);
  const { reader } = await cloud.first<CloudFacts>();
  const { creations } = await cloud.ask<{ creations: ReadonlyMap<string, unknown> }>({ offsetMs: 0 });
  const incomplete = creations.keys().map((id) => {
    return formOf({ ...recordedCheck, target: { ...recordedTarget, id, metadata: null } });
  });
  const plain = { bodies: [recorded], expect: "True" };
  return [
    { order: { kind: "bare" }, ...plain },
    { order: { kind: "route" }, ...plain },
    { order: { kind: "reading route" }, ...plain },
    { order: { kind: "hook" }, ...plain },
    { order: { kind: "hook with catalogue", file }, ...plain },
    // The simulated backups are the conductor's own: a member's check of them is denied.
    { order: { kind: "hook looking up", reader }, bodies: [...incomplete], expect: "False" },
  ];
}

async function run(): Promise<Result[]> {
  const servers: (Contender & { readonly port: number; readonly cpu: () => Promise<number> })[] = [];
  for (const contender of await contenders()) {
    const server = new Child<object>("policy/server", contender.order);
    children.push(server);
    servers.push({ ...contender, port: await server.first<number>(), cpu: () => server.ask<number>({}) });
  }
  const results: Result[] = [];
  for (const keepAlive of [false, true]) {
    const load = ({ port, bodies, expect }: (typeof servers)[number], rate: number | null): Load => ({
      port,
      requests: bodies.map((body) => requestOf(body, keepAlive)),
      keepAlive,
      connections: 32,
      durationMs,
      rate,
      expect,
    });
    const rates = (found: readonly Measured[]): Measured =>
      found.toSorted((a, b) => b.perSecond - a.perSecond)[0] as Measured;
    const delays = (found: readonly Measured[]): Measured => found.toSorted((a, b) => a.p99 - b.p99)[0] as Measured;
    const peaks = servers.map((): Measured[] => []);
    const halves = servers.map((): Measured[] => []);
    const cpu = servers.map((): number[] => []);
    for (const server of servers) await measure({ ...load(server, null), durationMs: 1000 });
    for (let round = 0; round < rounds; round += 1) {
      for (const [i, server] of servers.entries()) {
        const before = await server.cpu();
        const found = await measure(load(server, null));
        cpu[i]?.push(((await server.cpu()) - before) / found.count);
        peaks[i]?.push(found);
      }
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const [i, server] of servers.entries()) {
        halves[i]?.push(await measure(load(server, rates(peaks[i] ?? []).perSecond / 2)));
      }
    }
    for (const [i, { order }] of servers.entries()) {
      results.push({
        kind: order.kind,
        keepAlive,
        cpuMicros: Math.min(...(cpu[i] ?? [])),
        peak: rates(peaks[i] ?? []),
        half: delays(halves[i] ?? []),
      });
    }
  }
  return results;
}

const of = (results: readonly Result[], kind: Result["kind"], keepAlive: boolean): Result | undefined =>
  results.find((each) => each.kind === kind && each.keepAlive === keepAlive);

/** The two goals, for new connections and kept ones. */
function goals(results: readonly Result[]): string[] {
  return [false, true].flatMap((keepAlive) => {
    const how = keepAlive ? "kept connections" : "a connection each";
    const [hook, route] = [of(results, "hook", keepAlive), of(results, "route", keepAlive)];
    if (hook === undefined || route === undefined) return [];
    const share = hook.peak.perSecond / route.peak.perSecond;
    const { p99 } = hook.half;
    return [
      `${how}: ${(100 * share).toFixed(0)}% of the bare Hono route (goal: at least 70%)${share < 0.7 ? ", missed" : ""}`,
      `${how}: p99 at half of the peak ${p99.toFixed(2)} ms (goal: under 5 ms)${p99 < 5 ? "" : ", missed"}`,
    ];
  });
}

try {
  const results = await run();
  const machine = `${cpus()[0]?.model ?? "unknown"}, ${availableParallelism()} processors, Node.js ${process.version}, load ${loadavg()[0]?.toFixed(1) ?? ""}`;
  const ms = (value: number): string => value.toFixed(2);
  if (options.json) process.stdout.write(`${JSON.stringify({ machine, results }, null, 2)}\n`);
  else {
    const text = table(results, [
      { title: "SERVER", value: ({ kind }) => kind },
      { title: "CONNECTIONS", value: ({ keepAlive }) => (keepAlive ? "kept" : "one each") },
      { title: "PEAK/s", value: ({ peak }) => peak.perSecond.toFixed(0), align: "right" },
      { title: "p50 ms", value: ({ peak }) => ms(peak.p50), align: "right" },
      { title: "p99 ms", value: ({ peak }) => ms(peak.p99), align: "right" },
      { title: "CPU µs", value: ({ cpuMicros }) => cpuMicros.toFixed(0), align: "right" },
      { title: "AT HALF: /s", value: ({ half }) => half.perSecond.toFixed(0), align: "right" },
      { title: "p50 ms", value: ({ half }) => ms(half.p50), align: "right" },
      { title: "p99 ms", value: ({ half }) => ms(half.p99), align: "right" },
      {
        title: "OF THE ROUTE",
        value: ({ keepAlive, peak }) => {
          const route = of(results, "route", keepAlive);
          return route === undefined ? "" : `${((100 * peak.perSecond) / route.peak.perSecond).toFixed(0)}%`;
        },
        align: "right",
      },
    ]);
    process.stdout.write(`${machine}\n\n${text}\n${goals(results).join("\n")}\n`);
  }
} finally {
  await Promise.all(children.map((child) => child.end()));
  await rm(directory, { recursive: true });
}
