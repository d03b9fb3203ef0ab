import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Accounts, type CloudPlan, seedAccounts, seedCloud, type SeededCloud } from "./cloud.ts";
import { answerCompute, computeUnavailable } from "./compute/service.ts";
import { Exchange } from "./exchange.ts";
import type { BackupOutcome, Faults, FaultAction } from "./faults.ts";
import { answerIdentity, identityUnavailable } from "./identity/service.ts";
import type { ServiceName } from "./records.ts";
import { Refusal, type Reply } from "./reply.ts";
import { RequestLog } from "./request-log.ts";
import { Seeder } from "./seeding.ts";
import { answerStorage, storageUnavailable } from "./storage/service.ts";
import { defaultDurations, type Durations, type QuotaSet, World } from "./world.ts";

export interface SimulatorOptions {
  /** Milliseconds since 1970 on the caller's clock. The simulator has no other. */
  readonly now: () => number;
  /** Seeded by the caller; ids come from it. */
  readonly random: () => number;
  readonly durations?: Partial<Durations>;
  /** 0, the default: any free port. */
  readonly port?: number;
  readonly tokenLifetimeMs?: number;
  readonly defaultQuota?: Partial<QuotaSet>;
  /** Backups are seen in the availability zone that their request names. Zed takes no notice of it, which is the default. */
  readonly heedsBackupZone?: boolean;
  /** Backups as Cinder's Ceph driver makes them: no chunks are counted, and a volume has room for one made from a snapshot. */
  readonly cephBackups?: boolean;
  /** A snapshot cannot be deleted while a volume made from it exists, as with Ceph's RBD. */
  readonly clonesHoldSnapshots?: boolean;
}

export interface Simulator {
  /** Keystone's address, as clouds.yaml wants it. */
  readonly authUrl: string;
  /** Everything the cloud holds; work that is due has been done when you read it through here. */
  readonly state: World;
  readonly seed: Seeder;
  readonly faults: Faults;
  readonly log: RequestLog;
  seedAccounts(): Accounts;
  seedCloud(plan: CloudPlan): SeededCloud;
  /** How a backup that is still being made will end. */
  setFate(backupId: string, outcome: BackupOutcome): void;
  close(): Promise<void>;
}

const unlimited: QuotaSet = {
  volumes: 100_000,
  per_volume_gigabytes: -1,
  snapshots: 100_000,
  gigabytes: 10_000_000,
  backups: 100_000,
  backup_gigabytes: 10_000_000,
  groups: 10,
};

interface Service {
  readonly name: ServiceName;
  readonly answer: (world: World, exchange: Exchange) => Reply;
  readonly unavailable: () => Refusal;
}

const services: Readonly<Record<string, Service>> = {
  identity: { name: "identity", answer: answerIdentity, unavailable: identityUnavailable },
  compute: { name: "compute", answer: answerCompute, unavailable: computeUnavailable },
  volume: { name: "block-storage", answer: answerStorage, unavailable: storageUnavailable },
};

/** A cloud on a loopback port. It ends with `close()`, which also cuts the requests that were left without an answer. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const world = new World({
    now: options.now,
    random: options.random,
    durations: { ...defaultDurations, ...options.durations },
    tokenLifetimeMs: options.tokenLifetimeMs ?? 3600_000,
    defaultQuota: { ...unlimited, ...options.defaultQuota },
    heedsBackupZone: options.heedsBackupZone ?? false,
    cephBackups: options.cephBackups ?? false,
    clonesHoldSnapshots: options.clonesHoldSnapshots ?? false,
  });
  const log = new RequestLog();
  const seed = new Seeder(world);
  const server = createServer((request, response) => void handle(world, log, request, response));
  // A connection that idles between two requests must not be cut under the client's next one.
  server.keepAliveTimeout = 0;
  await listen(server, options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  return {
    authUrl: `http://127.0.0.1:${port}/identity/v3`,
    get state() {
      world.advance();
      return world;
    },
    seed,
    faults: world.faults,
    log,
    seedAccounts: () => seedAccounts(seed),
    seedCloud: (plan) => seedCloud(world, seed, plan),
    setFate: (backupId, outcome) => world.backupWork.setFate(backupId, outcome),
    close: () => close(server),
  };
}

async function handle(
  world: World,
  log: RequestLog,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  if (body === undefined) return;
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const search = mark < 0 ? "" : url.slice(mark);
  const [, prefix = "", ...rest] = path.split("/");
  const service = services[prefix];
  if (service === undefined) {
    write(world, response, { status: 404 }, undefined);
    return;
  }
  world.advance();
  const exchange = new Exchange({
    service: service.name,
    method: request.method ?? "GET",
    path: `/${rest.join("/")}`,
    search,
    headers: request.headers,
    rawBody: body,
    nowMs: world.now(),
    requestId: world.ids.request(),
    base: `http://${request.headers.host ?? "127.0.0.1"}/${prefix}`,
  });
  const facts = {
    service: service.name,
    method: exchange.method,
    path: exchange.path + search,
    body,
    headers: request.headers,
  };
  const outage = world.faults.outageOf(service.name);
  const action = outage === "none" ? world.faults.actionFor(facts) : undefined;
  const reply =
    outage === "none"
      ? answerUnless(action, () => run(world, service, exchange))
      : outage === "unavailable"
        ? service.unavailable().reply
        : undefined;
  if (action?.kind === "hook") await action.run(facts);
  const answered = action?.kind === "drop-after" ? undefined : reply;
  log.add({
    service: service.name,
    method: exchange.method,
    route: exchange.route,
    path: exchange.path,
    search,
    status: answered?.status,
    atMs: exchange.nowMs,
    userId: exchange.userId,
    projectId: exchange.projectId,
    globalRequestId: exchange.header("x-openstack-request-id"),
  });
  if (action?.kind === "stall") return;
  if (answered === undefined) request.socket.destroy();
  else write(world, response, answered, exchange);
}

/** The answer of the service, or what the fault puts in its place; undefined: none. */
function answerUnless(action: FaultAction | undefined, work: () => Reply): Reply | undefined {
  switch (action?.kind) {
    case "answer":
      return { status: action.status, body: action.body ?? {}, headers: action.headers ?? {} };
    case "stall":
    case "drop-before":
      return undefined;
    case "drop-after":
    case "hook":
    case undefined:
      return work();
  }
}

function run(world: World, service: Service, exchange: Exchange): Reply {
  try {
    return service.answer(world, exchange);
  } catch (error) {
    if (error instanceof Refusal) return error.reply;
    throw error;
  }
}

/** undefined: the client went away before it had sent everything. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  try {
    for await (const part of request) parts.push(part as Buffer);
  } catch {
    return undefined;
  }
  return Buffer.concat(parts).toString("utf8");
}

function write(world: World, response: ServerResponse, reply: Reply, exchange: Exchange | undefined): void {
  const text = reply.raw ?? (reply.body === undefined ? "" : JSON.stringify(reply.body));
  const bytes = Buffer.from(text, "utf8");
  response.sendDate = false;
  response.writeHead(reply.status, {
    Date: new Date(world.now()).toUTCString(),
    "Content-Type": "application/json",
    ...(reply.status === 204 ? {} : { "Content-Length": String(bytes.length) }),
    ...(exchange === undefined ? {} : { "X-OpenStack-Request-ID": exchange.requestId }),
    ...reply.headers,
  });
  response.end(exchange?.method === "HEAD" ? undefined : bytes);
}

function listen(server: HttpServer, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve());
  });
}

function close(server: HttpServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
