import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A backup as Cinder holds it, parent and all. */
export interface FakeBackup {
  readonly id: string;
  readonly volume_id: string;
  readonly parent_id?: string;
  /** Of a snapshot; default p1. */
  readonly project?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a test gets to see and to change of a request. */
export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface FakeCloud {
  readonly authUrl: string;
  readonly requests: readonly FakeRequest[];
  /** Oldest first; change it between requests. */
  backups: FakeBackup[];
  snapshots: FakeBackup[];
  /** Answers in place of the cloud when it returns something. */
  intercept: (request: FakeRequest) => Reply | "stall" | undefined;
  /** Tokens that are accepted now. */
  tokens: string[];
  isAdmin: boolean;
  catalogue: unknown;
  close(): Promise<void>;
}

export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Just enough of Keystone and Cinder to list from, on a port of its own. */
export async function startFakeCloud(): Promise<FakeCloud> {
  const requests: FakeRequest[] = [];
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const endpoint = (over: Record<string, string>) => ({
    interface: "public",
    region_id: "here",
    url: `${origin}/v3/`,
    ...over,
  });
  const cloud: FakeCloud = {
    authUrl: `${origin}/identity`,
    requests,
    backups: [],
    snapshots: [],
    intercept: () => undefined,
    tokens: [],
    isAdmin: true,
    catalogue: [
      { type: "compute", endpoints: [endpoint({ url: "http://nova.invalid" })] },
      {
        type: "block-storage",
        endpoints: [endpoint({ interface: "admin", url: "http://admin.invalid" }), endpoint({})],
      },
    ],
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? "/", origin);
    const chunks = (await Array.fromAsync(incoming)) as Buffer[];
    const request: FakeRequest = {
      method: incoming.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      body: Buffer.concat(chunks).toString(),
    };
    requests.push(request);
    const reply = cloud.intercept(request) ?? answer(cloud, request);
    if (reply === "stall") return;
    response.writeHead(reply.status, { "content-type": "application/json", ...reply.headers });
    response.end(JSON.stringify(reply.body ?? {}));
  }
  return cloud;
}

function answer(cloud: FakeCloud, request: FakeRequest): Reply {
  if (request.method === "POST" && request.path === "/identity/v3/auth/tokens") {
    const token = `token-${cloud.requests.filter((each) => each.method === "POST").length}`;
    cloud.tokens.push(token);
    return {
      status: 201,
      headers: { "x-subject-token": token },
      body: { token: { user: { id: "conductor" }, catalog: cloud.catalogue } },
    };
  }
  if (!cloud.tokens.includes(String(request.headers["x-auth-token"]))) {
    return {
      status: 401,
      body: { error: { code: 401, message: "The request you have made requires authentication." } },
    };
  }
  if (request.path === "/v3/volumes/detail") return { status: 200, body: { volumes: [fakeVolume] } };
  if (request.path === "/v3/backups/detail") return backupsPage(cloud, request.query);
  if (request.path === "/v3/snapshots/detail") {
    return { status: 200, body: { snapshots: cloud.snapshots.map((each) => shownSnapshot(cloud, each)) } };
  }
  const one = cloud.backups.find((each) => `/v3/backups/${each.id}` === request.path);
  return one ? { status: 200, body: { backup: shown(cloud, one) } } : notFound;
}

const notFound: Reply = { status: 404, body: { itemNotFound: { code: 404, message: "Backup could not be found." } } };
const fakeVolume = { id: "v1", size: 1, snapshot_id: null, "os-vol-tenant-attr:tenant_id": "p1", name: "data" };

function backupsPage(cloud: FakeCloud, query: URLSearchParams): Reply {
  const parent = query.get("parent_id");
  const all = cloud.backups.filter((each) => parent === null || each.parent_id === parent);
  const marker = query.get("marker");
  const start = marker === null ? 0 : cloud.backups.findIndex((each) => each.id === marker) + 1;
  if (marker !== null && start === 0) return notFound;
  const limit = Number(query.get("limit"));
  const page = all.slice(start, start + limit);
  const last = page.at(-1);
  // The host is a wrong one, as behind many proxies.
  const href = `http://wrong.invalid:8776/v3/backups/detail?all_tenants=1&marker=${last?.id ?? ""}`;
  const links = page.length === limit ? { backups_links: [{ rel: "next", href }] } : {};
  return { status: 200, body: { backups: page.map((each) => shown(cloud, each)), ...links } };
}

function shown(cloud: FakeCloud, { id, volume_id, parent_id, metadata }: FakeBackup): unknown {
  return {
    id,
    volume_id,
    status: "available",
    size: 1,
    created_at: "2026-11-21T04:06:16.000000",
    updated_at: null,
    fail_reason: null,
    is_incremental: parent_id !== undefined,
    // Drifts, so nobody should believe it.
    has_dependent_backups: false,
    metadata: metadata ?? {},
    user_id: "conductor",
    ...(cloud.isAdmin && { "os-backup-project-attr:project_id": "p1" }),
  };
}

const shownSnapshot = (cloud: FakeCloud, { id, volume_id, metadata, project }: FakeBackup): unknown => ({
  id,
  volume_id,
  status: "available",
  size: 1,
  created_at: "2026-11-21T04:06:16.000000",
  updated_at: null,
  metadata: metadata ?? {},
  user_id: "conductor",
  ...(cloud.isAdmin && { "os-extended-snapshot-attributes:project_id": project ?? "p1" }),
});
