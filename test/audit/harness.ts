import { afterEach, beforeEach } from "node:test";
import type { AuditAuth, CloudAccess } from "../../src/audit/cloud.ts";
import { takeListing } from "../../src/audit/listing.ts";
import type { Listing, ListingOptions } from "../../src/audit/listing.ts";
import { startFakeCloud } from "./fake-cloud.ts";
import type { FakeBackup, FakeCloud, FakeRequest } from "./fake-cloud.ts";

/** Ids as Cinder's: only such are asked for their children. */
export const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
export const full = (n: number): FakeBackup => ({ id: id(n), volume_id: "v1" });
export const incremental = (n: number, parent: number): FakeBackup => ({ ...full(n), parent_id: id(parent) });

export const secret = "hush-hush";
const password: AuditAuth = {
  kind: "password",
  user: { name: "admin", domain: { name: "Default" } },
  password: secret,
  project: { name: "admin", domain: { id: "default" } },
};

export interface Harness {
  readonly cloud: FakeCloud;
  access(over?: Partial<CloudAccess>): CloudAccess;
  /** Two rows a page; the clock starts at 05:00 and moves on by a second each time it is read. */
  take(options?: Partial<ListingOptions>, access?: Partial<CloudAccess>): Promise<Listing>;
  sent(method: "GET" | "POST"): readonly FakeRequest[];
}

/** A new fake cloud for each test of the file. */
export function eachWithFakeCloud(): Harness {
  let cloud: FakeCloud;
  beforeEach(async () => {
    cloud = await startFakeCloud();
  });
  afterEach(() => cloud.close());
  const access = (over: Partial<CloudAccess> = {}): CloudAccess => ({
    authUrl: cloud.authUrl,
    auth: password,
    interface: "public",
    verify: true,
    timeoutMs: 5000,
    ...over,
  });
  return {
    get cloud() {
      return cloud;
    },
    access,
    take(options = {}, over = {}) {
      let tick = 0;
      const now = () => new Date(Date.parse("2026-11-21T05:00:00Z") + 1000 * tick++);
      return takeListing(access(over), { now, pageSize: 2, ...options });
    },
    sent: (method) => cloud.requests.filter((each) => each.method === method),
  };
}
