/**
 * The real cloud (test/openstack) for suites in test/system. In a suite:
 *
 * ```ts
 * const cloud = await Cloud.open();                      // of AIO_STATE; throws with the reason when none runs
 * const world = await seed(cloud, { prefix: "nights", servers: 6, volumesEach: 2, projects: 2, share: 0.5 });
 * const reader = await makeReader(cloud, "nights");      // GET only, application credential (credentials.ts)
 * const writer = await makeWriter(cloud, "nights");      // member on every project of the domain
 * const file = await writeClouds(cloud, dir, { reader, writer });  // a clouds.yaml of mode 0600 for OS_CLIENT_CONFIG_FILE
 * const clouds = await openProductClouds(cloud, reader, writer);  // the product's own clients (product.ts)
 * const all = await backups(cloud.admin);                // Cinder's own word, for judging (judge.ts)
 * await until("all available", async () => ...);         // wait.ts, bounded
 * const maria = await startMariaDb();                    // mariadb.ts: fresh databases on a server of our own
 * await removeWorld(cloud, "nights");                    // after(): nothing stays for the next suite
 * ```
 *
 * A conductor sees the whole cloud, so suites run one after another, each with a prefix of its own, and each
 * removes its world in `after`, also when it failed. A suite whose name starts with `ceph` runs last and calls `addCeph`
 * (ceph.ts), after which seeds of the type `rbd` work. `run` and `start` of processes.ts end with the suite.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Session } from "./session.ts";
import type { Login, Scope } from "./session.ts";

/** Of clouds.yaml (which `up` writes as JSON). */
export interface CloudEntry {
  readonly auth_type?: string;
  readonly auth: Readonly<Record<string, string>>;
  readonly region_name: string;
}

/** The folder with the scripts of the cloud. */
export const SCRIPTS = join(import.meta.dirname, "..", "..", "openstack");

/** The state directory of the cloud the suites use. */
export const STATE = process.env["AIO_STATE"] ?? "/tmp/openstack-aio";

export class Cloud {
  /** Keystone, with `/v3`. */
  readonly authUrl: string;
  readonly region: string;
  /** Everything of clouds.yaml: admin, demo, other, admin-appcred, demo-appcred. */
  readonly entries: Readonly<Record<string, CloudEntry>>;
  /** Role admin in the project admin. */
  readonly admin: Session;
  /** Every account that `up` and `seed` make has this one. */
  readonly password: string;

  private constructor(entries: Readonly<Record<string, CloudEntry>>, entry: CloudEntry, admin: Session) {
    this.entries = entries;
    this.authUrl = entry.auth["auth_url"] ?? "";
    this.region = entry.region_name;
    this.password = entry.auth["password"] ?? "";
    this.admin = admin;
  }

  /** @throws when no cloud runs below AIO_STATE: a suite never passes without one */
  static async open(): Promise<Cloud> {
    const file = join(STATE, "clouds.yaml");
    let entries: Record<string, CloudEntry>;
    try {
      entries = (JSON.parse(await readFile(file, "utf8")) as { clouds: Record<string, CloudEntry> }).clouds;
    } catch (cause) {
      throw new Error(`no cloud below ${STATE}: run "npm run test:system", or test/openstack/up first`, { cause });
    }
    const entry = entries["admin"];
    if (entry === undefined) throw new Error(`${file} has no cloud named admin`);
    const { auth_url: authUrl = "", username: user = "", password = "", project_name: projectName = "" } = entry.auth;
    const admin = await Session.login(authUrl, { kind: "password", user, password }, { projectName });
    return new Cloud(entries, entry, admin);
  }

  async login(login: Login, scope?: Scope): Promise<Session> {
    return Session.login(this.authUrl, login, scope);
  }

  /** A token of the user of a seeded project (same name, role member), in that project. */
  async tenant(name: string): Promise<Session> {
    return this.login({ kind: "password", user: name, password: this.password }, { projectName: name });
  }
}
