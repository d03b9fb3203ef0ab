/** The same calls as a night's, sent by as little as can send them: what the simulator itself can do. */
import { Agent, request } from "node:http";
import { requirements } from "../src/openstack/microversion.ts";
import type { LoggedRequest } from "../src/simulator/request-log.ts";
import type { CloudFacts, Creation } from "./cloud.ts";
import { answer, onQuestion, orderOf } from "./processes.ts";

export interface CeilingOrder {
  /** A cloud like the one where the calls were logged, with the same ids. */
  readonly cloud: CloudFacts;
  readonly concurrency: number;
}

/** What to send. */
export interface CeilingQuestion {
  readonly requests: readonly LoggedRequest[];
  /** The requests for backups among them, in any order. */
  readonly creations: readonly Creation[];
}

export interface CeilingAnswer {
  readonly wallMs: number;
}

const { cloud, concurrency } = orderOf() as CeilingOrder;
const base = cloud.reader.authUrl.replace(/\/identity\/v3$/, "");
const prefixes = { identity: "identity", compute: "compute", "block-storage": "volume" };
const versions = (["compute", "block-storage"] as const)
  .map((service) => `${requirements[service].header} ${requirements[service].maximum}`)
  .join(",");
const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
const tokens = new Map<string, string>();
const backupIds: string[] = [];
answer("ready");

onQuestion((question) => {
  replay(question as CeilingQuestion).then(answer, (error: unknown) => {
    throw error;
  });
});

async function replay({ requests, creations }: CeilingQuestion): Promise<CeilingAnswer> {
  const projects = new Set(requests.flatMap(({ projectId }) => projectId ?? []));
  for (const project of projects) tokens.set(project, await login(project));
  const own = projects.values().next().value ?? "";
  const left = Map.groupBy(creations, (creation) => creation.projectId);
  let next = 0;
  let turn = 0;
  const someBackup = (): string => backupIds[(turn += 1) % backupIds.length] ?? "none";
  const startedMs = performance.now();
  const worker = async (): Promise<void> => {
    for (let call = requests[next++]; call !== undefined; call = requests[next++]) {
      const body = bodyOf(call, left, own);
      const path = call.path.replace(/(?<=\/backups\/)[0-9a-f-]{36}/, someBackup);
      const ofBackups = call.route.startsWith("backups");
      const search = ofBackups
        ? call.search.replace(/(?<=(?:parent_id|marker)=)[0-9a-f-]{36}/, someBackup)
        : call.search;
      const text = await send(call, `${path}${search}`, body);
      if (call.method === "POST" && call.route === "backups") {
        backupIds.push((JSON.parse(text) as { backup: { id: string } }).backup.id);
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return { wallMs: performance.now() - startedMs };
}

function bodyOf(
  { method, projectId, route }: LoggedRequest,
  left: ReadonlyMap<string | undefined, Creation[]>,
  project: string,
): object | undefined {
  if (method !== "POST") return undefined;
  if (route === "backups") return left.get(projectId)?.pop()?.body;
  return route.endsWith("auth/tokens")
    ? scopedLogin(project)
    : { metadata: { "last-backup-time": "2026-03-05T00:00:00Z" } };
}

function scopedLogin(project: string): object {
  const { auth } = isReaders(project) ? cloud.reader : cloud.writer;
  if (auth.kind !== "password") throw new Error("this bench logs in with passwords");
  const { password, user } = auth;
  return {
    auth: {
      identity: { methods: ["password"], password: { user: { ...user, password } } },
      scope: { project: { id: project } },
    },
  };
}

function isReaders(project: string): boolean {
  const { auth } = cloud.reader;
  return auth.kind === "password" && auth.project !== undefined && "id" in auth.project && auth.project.id === project;
}

async function login(project: string): Promise<string> {
  const call = { service: "identity", method: "POST", projectId: undefined } as const;
  let token = "";
  await send(call, "/v3/auth/tokens", scopedLogin(project), (header) => {
    token = header;
  });
  return token;
}

function send(
  { service, method, projectId }: Pick<LoggedRequest, "service" | "method" | "projectId">,
  path: string,
  body: object | undefined,
  onToken: (token: string) => void = () => undefined,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      "openstack-api-version": versions,
      ...(projectId === undefined ? {} : { "x-auth-token": tokens.get(projectId) ?? "" }),
    };
    const outgoing = request(`${base}/${prefixes[service]}${path}`, { method, headers, agent }, (incoming) => {
      onToken(String(incoming.headers["x-subject-token"] ?? ""));
      const parts: Buffer[] = [];
      incoming.on("data", (part: Buffer) => void parts.push(part));
      incoming.once("error", reject);
      incoming.once("end", () => {
        const text = Buffer.concat(parts).toString("utf8");
        if ((incoming.statusCode ?? 0) < 400) resolve(text);
        else reject(new Error(`${method} ${path}: ${String(incoming.statusCode)} ${text}`));
      });
    });
    outgoing.once("error", reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
