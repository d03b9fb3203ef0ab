import { at, items, send, text, type Answer } from "./driver.ts";

/** The cloud under test, as much of it as cannot be found out over HTTP. */
export interface Harness {
  readonly authUrl: string;
  readonly adminName: string;
  readonly adminPassword: string;
  readonly adminProject: string;
  /** Lets the cloud work for a while: real time, or the simulator's. */
  readonly pause: (ms: number) => Promise<void>;
  /** Begins the names of everything the suite makes. */
  readonly prefix: string;
}

export interface Credentials {
  readonly userId: string;
  readonly password: string;
}

/** One caller: a user with a token of one project. */
export interface Caller extends Credentials {
  readonly projectId: string;
  readonly token: string;
}

const password = "contract";
const pollEveryMs = 150;
const patienceMs = 120_000;

/** Projects and users that the behaviours play with; everything is made by an administrator of the suite's own. */
export class Stage {
  readonly harness: Harness;
  #urls = { identity: "", compute: "", storage: "" };
  #roles = new Map<string, string>();
  #root: Caller | undefined;
  #made: { readonly kind: "users" | "projects"; readonly id: string }[] = [];
  #count = 0;
  #ops: Caller | undefined;
  #owner: Caller | undefined;
  #colleague: Caller | undefined;
  #guest: Caller | undefined;
  #stranger: Caller | undefined;

  constructor(harness: Harness) {
    this.harness = harness;
  }

  /** role admin, in a project of its own. */
  get ops(): Caller {
    return set(this.#ops);
  }
  /** role member in project A. */
  get owner(): Caller {
    return set(this.#owner);
  }
  /** role member in project A, too. */
  get colleague(): Caller {
    return set(this.#colleague);
  }
  /** role reader in project A. */
  get guest(): Caller {
    return set(this.#guest);
  }
  /** role member in project B. */
  get stranger(): Caller {
    return set(this.#stranger);
  }

  async open(): Promise<void> {
    const { harness } = this;
    this.#urls.identity = harness.authUrl;
    const login = await send("POST", `${harness.authUrl}/auth/tokens`, {
      json: passwordLogin({ name: harness.adminName, domain: { id: "default" } }, harness.adminPassword, {
        project: { name: harness.adminProject, domain: { id: "default" } },
      }),
    });
    this.#root = {
      userId: text(login.body, "token.user.id"),
      projectId: text(login.body, "token.project.id"),
      password: harness.adminPassword,
      token: login.headers.get("x-subject-token") ?? "",
    };
    this.#urls = {
      identity: harness.authUrl,
      compute: endpoint(login, "compute"),
      storage: endpoint(login, "block-storage"),
    };
    const roles = await this.identity(this.#root, "GET", "/roles");
    for (const role of at(roles.body, "roles") as unknown[]) this.#roles.set(text(role, "name"), text(role, "id"));
    const [opsProject, a, b] = [await this.newProject("ops"), await this.newProject("a"), await this.newProject("b")];
    this.#ops = await this.newCaller("ops", opsProject, "admin");
    this.#owner = await this.newCaller("owner", a, "member");
    this.#colleague = await this.newCaller("colleague", a, "member");
    this.#guest = await this.newCaller("guest", a, "reader");
    this.#stranger = await this.newCaller("stranger", b, "member");
  }

  /** Takes everything away again, objects first. */
  async close(): Promise<void> {
    if (this.#ops !== undefined) await this.#removeObjects(this.#ops);
    for (const { kind, id } of this.#made.toReversed())
      await this.identity(set(this.#root), "DELETE", `/${kind}/${id}`);
  }

  async newProject(label: string): Promise<string> {
    const name = this.name(label);
    const made = await this.identity(set(this.#root), "POST", "/projects", { project: { name, domain_id: "default" } });
    const id = text(made.body, "project.id");
    this.#made.push({ kind: "projects", id });
    return id;
  }

  async newUser(label: string): Promise<Credentials> {
    const user = { name: this.name(label), domain_id: "default", password };
    const made = await this.identity(set(this.#root), "POST", "/users", { user });
    const userId = text(made.body, "user.id");
    this.#made.push({ kind: "users", id: userId });
    return { userId, password };
  }

  async newCaller(label: string, projectId: string, role: string): Promise<Caller> {
    const user = await this.newUser(label);
    await this.setRole("PUT", user.userId, projectId, role);
    return this.login(user, projectId);
  }

  /** A project of its own with a member in it, for behaviours that touch quotas. */
  async newTenant(label: string): Promise<Caller> {
    return this.newCaller(label, await this.newProject(label), "member");
  }

  async setRole(method: "PUT" | "DELETE", userId: string, projectId: string, role: string): Promise<Answer> {
    return this.identity(
      set(this.#root),
      method,
      `/projects/${projectId}/users/${userId}/roles/${this.#roles.get(role) ?? ""}`,
    );
  }

  /** The same for every project of the domain at once. */
  async inheritRole(method: "PUT" | "DELETE", userId: string, role: string): Promise<Answer> {
    const roleId = this.#roles.get(role) ?? "";
    return this.identity(
      set(this.#root),
      method,
      `/OS-INHERIT/domains/default/users/${userId}/roles/${roleId}/inherited_to_projects`,
    );
  }

  async login(user: Credentials, projectId: string): Promise<Caller> {
    const answer = await this.tryLogin(user, projectId);
    const token = answer.headers.get("x-subject-token");
    if (token === null) throw new Error(`login of ${user.userId} answered ${answer.status}`);
    return { ...user, projectId, token };
  }

  tryLogin(user: Credentials, projectId: string): Promise<Answer> {
    return send("POST", `${this.#urls.identity}/auth/tokens`, {
      json: passwordLogin({ id: user.userId }, user.password, { project: { id: projectId } }),
    });
  }

  identity(
    caller: Caller | undefined,
    method: string,
    path: string,
    json?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    return send(method, this.#urls.identity + path, {
      ...(caller && { token: caller.token }),
      headers,
      ...(json === undefined ? {} : { json }),
    });
  }

  compute(caller: Caller, method: string, path: string, json?: unknown, version = "2.93"): Promise<Answer> {
    return this.#service("compute", caller, method, this.#urls.compute + path, json, version);
  }

  /** `path` without the project id, which Cinder does not need. */
  storage(caller: Caller, method: string, path: string, json?: unknown, version = "3.70"): Promise<Answer> {
    return this.#service("volume", caller, method, this.#urls.storage + path, json, version);
  }

  /** As `storage`, with a body that need not be JSON. */
  storageRaw(caller: Caller, method: string, path: string, raw: string): Promise<Answer> {
    const headers = { "OpenStack-API-Version": "volume 3.70" };
    return send(method, this.#urls.storage + path, { token: caller.token, headers, raw });
  }

  /** The root of a service, above its version: for version documents. */
  rootOf(service: "compute" | "storage"): string {
    return this.#urls[service].replace(/\/v[0-9.]+$/, "");
  }

  name(label: string): string {
    this.#count += 1;
    return `${this.harness.prefix}-${label}-${this.#count}`;
  }

  /** Asks again until `done` says so. */
  async until(what: string, ask: () => Promise<Answer>, done: (answer: Answer) => boolean): Promise<Answer> {
    for (let waitedMs = 0; waitedMs <= patienceMs; waitedMs += pollEveryMs) {
      const answer = await ask();
      if (done(answer)) return answer;
      await this.harness.pause(pollEveryMs);
    }
    throw new Error(`waited ${patienceMs} ms for ${what}`);
  }

  #service(type: string, caller: Caller, method: string, url: string, json: unknown, version: string): Promise<Answer> {
    const headers = version === "" ? {} : { "OpenStack-API-Version": `${type} ${version}` };
    return send(method, url, { token: caller.token, headers, ...(json === undefined ? {} : { json }) });
  }

  async #removeObjects(ops: Caller): Promise<void> {
    const mine = new Set(this.#made.map(({ id }) => id));
    const list = async (kind: string, service: "compute" | "storage", owner: string) => {
      const answer = await this[service](ops, "GET", `/${kind}/detail?all_tenants=1`);
      return (at(answer.body, kind) as unknown[])
        .filter((item) => mine.has(text(item, owner)))
        .map((item) => text(item, "id"));
    };
    const emptied = async (
      kind: string,
      service: "compute" | "storage",
      owner: string,
      remove: (id: string) => Promise<unknown>,
    ) => {
      for (let waitedMs = 0; waitedMs <= patienceMs; waitedMs += pollEveryMs) {
        const left = await list(kind, service, owner);
        if (left.length === 0) return;
        for (const id of left) await remove(id);
        await this.harness.pause(pollEveryMs);
      }
      throw new Error(`some ${kind} would not go`);
    };
    const action = (kind: string, id: string, json: unknown) =>
      this.storage(ops, "POST", `/${kind}/${id}/action`, json);
    await emptied("servers", "compute", "tenant_id", (id) => this.compute(ops, "DELETE", `/servers/${id}`));
    await emptied("backups", "storage", "os-backup-project-attr:project_id", async (id) => {
      await action("backups", id, { "os-reset_status": { status: "available" } });
      await this.storage(ops, "DELETE", `/backups/${id}`);
    });
    await emptied("snapshots", "storage", "os-extended-snapshot-attributes:project_id", async (id) => {
      await action("snapshots", id, { "os-reset_status": { status: "available" } });
      await this.storage(ops, "DELETE", `/snapshots/${id}`);
    });
    await emptied("volumes", "storage", "os-vol-tenant-attr:tenant_id", async (id) => {
      await action("volumes", id, { "os-reset_status": { status: "available", attach_status: "detached" } });
      await this.storage(ops, "DELETE", `/volumes/${id}`);
    });
    const types = await this.storage(ops, "GET", "/types");
    for (const type of items(types.body, "volume_types")) {
      if (text(type, "name").startsWith(this.harness.prefix))
        await this.storage(ops, "DELETE", `/types/${text(type, "id")}`);
    }
  }
}

function set<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the stage is not open");
  return value;
}

const passwordLogin = (user: Record<string, unknown>, secret: string, scope: unknown) => ({
  auth: { identity: { methods: ["password"], password: { user: { ...user, password: secret } } }, scope },
});

function endpoint(login: Answer, type: string): string {
  const catalogue = at(login.body, "token.catalog") as unknown[];
  const service = catalogue.find((entry) => at(entry, "type") === type);
  const faces = at(service, "endpoints") as unknown[];
  return text(
    faces.find((face) => at(face, "interface") === "public"),
    "url",
  );
}
