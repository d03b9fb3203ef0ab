/** One of the servers that are compared, in a process of its own. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { createPolicyHook } from "../../src/api/policy-hook/app.ts";
import { catalogueFile } from "../../src/api/policy-hook/catalogue-file.ts";
import { budgetMs } from "../../src/api/policy-hook/index.ts";
import { listen } from "../../src/api/policy-hook/listener.ts";
import { createLookUp } from "../../src/api/policy-hook/look-up.ts";
import { createMetrics } from "../../src/api/policy-hook/metrics.ts";
import { systemClock } from "../../src/cli/system-clock.ts";
import type { CloudParameters } from "../../src/domain/connection.ts";
import { directIo } from "../../src/domain/io.ts";
import { silentLogger } from "../../src/domain/log.ts";
import { openClouds } from "../../src/openstack/open.ts";
import { answer, onQuestion, orderOf } from "../processes.ts";

export type ServerOrder =
  /** node:http and nothing else. */
  | { readonly kind: "bare" }
  /** A route of Hono's that answers, and one that reads the body before. */
  | { readonly kind: "route" }
  | { readonly kind: "reading route" }
  | { readonly kind: "hook" }
  | { readonly kind: "hook with catalogue"; readonly file: string }
  | { readonly kind: "hook looking up"; readonly reader: CloudParameters };

const order = orderOf() as ServerOrder;

/** As `dirigent policy` has it. */
const at = {
  host: "127.0.0.1",
  port: 0,
  tls: null,
  headerTimeoutMs: 2_000,
  requestTimeoutMs: 2_500,
  keepAliveMs: 75_000,
  maxConnections: 4096,
  readAhead: { bodyLimitBytes: 256 * 1024, budgetMs },
};

async function start(): Promise<number> {
  if (order.kind === "bare") {
    const server = createServer((request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "text/plain", "content-length": 4 }).end("True");
    });
    server.listen(0, "127.0.0.1", 1024);
    await once(server, "listening");
    return portOf(server.address());
  }
  if (order.kind === "route" || order.kind === "reading route") {
    const app = new Hono();
    if (order.kind === "route") app.post("/v1/backup", (c) => c.text("True"));
    else app.post("/v1/backup", async (c) => c.text((await c.req.arrayBuffer()).byteLength > 0 ? "True" : "False"));
    const server = createAdaptorServer({ fetch: app.fetch }).listen(0, "127.0.0.1", 1024);
    await once(server, "listening");
    return portOf(server.address());
  }
  const app = createPolicyHook({
    rules: { conductorIds: new Set(["writer"]), creatorIds: new Set(["writer"]), adminsMay: false },
    catalogue: order.kind === "hook with catalogue" ? await catalogueOf(order.file) : null,
    lookUp: order.kind === "hook looking up" ? await lookUpWith(order.reader) : null,
    guardVolumes: false,
    bodyLimitBytes: 256 * 1024,
    budgetMs,
    health: () => null,
    observer: createMetrics(systemClock).observer,
    log: silentLogger,
  });
  return (await listen(app.fetch, at)).port;
}

const portOf = (address: AddressInfo | string | null): number =>
  typeof address === "object" && address !== null ? address.port : 0;

async function catalogueOf(path: string) {
  const catalogue = catalogueFile({ path, maxAgeMs: 3_600_000, clock: systemClock, log: silentLogger });
  await catalogue.refresh();
  return catalogue;
}

async function lookUpWith(reader: CloudParameters) {
  const deps = { clock: systemClock, io: directIo, random: Math.random, log: silentLogger };
  const clouds = await openClouds({ reader, writer: reader }, deps);
  await clouds.reader.userId(new AbortController().signal);
  return createLookUp({
    timeoutMs: 300,
    log: silentLogger,
    ask: async (_kind, id, signal) => {
      const backup = await clouds.reader.backup(id, signal);
      if (backup?.projectId == null || backup.userId === null) return null;
      return { projectId: backup.projectId, creatorId: backup.userId, metadata: backup.metadata };
    },
  });
}

answer(await start());
// What it has worked until now, in microseconds.
onQuestion(() => {
  const { user, system } = process.cpuUsage();
  answer(user + system);
});
