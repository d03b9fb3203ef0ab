import type { Backup, Mechanism, Server, Volume } from "../../../../src/domain/inventory.ts";
import { aServer, aVolume } from "../builders.ts";
import type { Making, Scenario, Tampering, VolumeChange } from "./scenario.ts";

/** The truth: what OpenStack has, also what its API does not show. Nothing here asks our own code. */

export const us = "user-dirigent";
export const automated = "__automated_backup";

type Metadata = Readonly<Record<string, string>>;

/** What is to be made. */
export interface Wish {
  readonly mechanism: Mechanism;
  readonly volumeId: string;
  readonly projectId: string;
  readonly isIncremental: boolean;
  readonly userId: string;
  readonly status: string;
  readonly metadata: Metadata;
}

export class World {
  nowMs: number;
  readonly servers: Server[];
  readonly volumes: Map<string, Volume>;
  readonly rows = new Map<string, Backup>();
  /** The true parents, which REST does not show; also of those that are gone. */
  readonly parents = new Map<string, string>();
  /** How large the source was. */
  readonly sourceGiB = new Map<string, number>();
  #made = 0;

  constructor({ startMs, servers, volumes }: Scenario) {
    this.nowMs = startMs;
    this.servers = servers.map(({ project, tag }, index) =>
      aServer(`server-${index}`, {
        name: `vm${index}`,
        projectId: `project-${project}`,
        metadata: tag === null ? {} : { backup: tag },
      }),
    );
    this.volumes = new Map(
      volumes.map(({ server }, index): [string, Volume] => [
        `volume-${index}`,
        aVolume(`volume-${index}`, {
          name: `disk${index}`,
          projectId: this.servers[server]?.projectId ?? "project-0",
          status: server in this.servers ? "in-use" : "available",
          serverIds: server in this.servers ? [`server-${server}`] : [],
        }),
      ]),
    );
  }

  /** Each row has a second of its own. */
  make(wish: Wish): Backup | null {
    const { isIncremental, mechanism, projectId, volumeId } = wish;
    const volume = this.volumes.get(volumeId);
    if (volume === undefined) return null;
    const parent = isIncremental ? this.#newest(volumeId, projectId) : null;
    if (isIncremental && parent?.status !== "available") return null;
    this.nowMs += 1000;
    this.#made += 1;
    const id = `${mechanism}-${this.#made}`;
    const at = new Date(this.nowMs);
    const row: Backup = {
      id,
      mechanism,
      name: id,
      volumeId,
      projectId,
      userId: wish.userId,
      status: wish.status,
      sizeGiB: volume.sizeGiB,
      isIncremental,
      hasDependents: false,
      snapshotId: null,
      dataTimestamp: mechanism === "backup" && wish.status !== "creating" ? at : null,
      createdAt: at,
      updatedAt: null,
      failReason: wish.status === "error" ? "the driver gave up" : null,
      container: null,
      availabilityZone: null,
      objectCount: null,
      metadata: wish.metadata,
    };
    this.rows.set(id, row);
    this.sourceGiB.set(id, volume.sizeGiB);
    if (parent != null) this.parents.set(id, parent.id);
    return row;
  }

  /** Cinder takes the newest backup of the volume in its project as a parent, whoever made it. */
  #newest(volumeId: string, projectId: string): Backup | null {
    let newest: Backup | null = null;
    for (const row of this.rows.values()) {
      if (row.mechanism === "backup" && row.volumeId === volumeId && row.projectId === projectId) newest = row;
    }
    return newest;
  }

  children(id: string): string[] {
    return [...this.rows.keys()].filter((each) => this.parents.get(each) === id);
  }

  set(id: string, change: Partial<Backup>): void {
    const row = this.rows.get(id);
    if (row !== undefined) this.rows.set(id, { ...row, ...change });
  }

  finish(id: string, status: string): void {
    const row = this.rows.get(id);
    if (row === undefined) return;
    const failReason = status === "error" ? "the driver gave up" : row.failReason;
    this.set(id, { status, failReason, dataTimestamp: row.mechanism === "backup" ? row.createdAt : null });
  }

  ask(of: "server" | "volume", at: number, [key, value]: readonly [string, string | null]): string | null {
    const all: readonly (Server | Volume)[] = of === "server" ? this.servers : [...this.volumes.values()];
    const one = all[at % all.length];
    if (one === undefined) return null;
    const asking = { ...one, metadata: written(one.metadata, key, value) };
    if ("volumeIds" in asking) this.servers[this.servers.findIndex(({ id }) => id === one.id)] = asking;
    else this.volumes.set(one.id, asking);
    return one.id;
  }

  change(at: number, change: VolumeChange): void {
    const volume = [...this.volumes.values()][at % Math.max(1, this.volumes.size)];
    if (volume === undefined) return;
    const put = (changed: Partial<Volume>): void => void this.volumes.set(volume.id, { ...volume, ...changed });
    const other = this.servers[at % this.servers.length]?.id ?? "";
    switch (change) {
      case "detach": {
        put({ serverIds: [], status: "available" });
        return;
      }
      case "attach": {
        put({ serverIds: [other], status: "in-use" });
        return;
      }
      case "share": {
        put({ serverIds: this.servers.map(({ id }) => id), multiattach: true });
        return;
      }
      case "move": {
        // A transfer: what was made before stays where it is.
        put({ projectId: volume.projectId === "project-0" ? "project-1" : "project-0" });
        return;
      }
      case "grow": {
        put({ sizeGiB: volume.sizeGiB + 1 });
        return;
      }
      case "retype": {
        put({ volumeType: volume.volumeType === "fast" ? "slow" : "fast" });
        return;
      }
      case "busy": {
        put({ status: "error" });
        return;
      }
      case "ready": {
        put({ status: volume.serverIds.length > 0 ? "in-use" : "available" });
        return;
      }
      case "delete":
        this.volumes.delete(volume.id);
    }
  }

  /** Somebody who is no conductor makes something, or a conductor that woke up too late. */
  bring(at: number, what: Making): void {
    const volume = [...this.volumes.values()][at % Math.max(1, this.volumes.size)];
    if (volume === undefined) return;
    const own = { mechanism: "backup", volumeId: volume.id, projectId: volume.projectId, status: "available" } as const;
    const ours = [...this.rows.values()].filter((row) => row.volumeId === volume.id && row.userId === us);
    const newest = ours[ours.length - 1 - (at % Math.max(1, Math.min(2, ours.length)))];
    const stranger = { ...own, userId: "user-tenant", metadata: {}, isIncremental: false };
    switch (what) {
      case "duplicate":
        if (newest !== undefined) {
          const { mechanism, metadata, projectId } = newest;
          this.make({ ...own, mechanism, projectId: projectId ?? "", userId: us, metadata, isIncremental: false });
        }
        return;
      case "user":
        this.make(stranger);
        return;
      case "user incremental":
        this.make({ ...stranger, isIncremental: true });
        return;
      case "forged":
        this.make({ ...stranger, metadata: newest?.metadata ?? { [automated]: "True" } });
        return;
      case "elsewhere":
        this.make({
          ...own,
          // A backup with a snapshot's marks would be neither.
          ...(newest === undefined ? {} : { mechanism: newest.mechanism }),
          userId: us,
          projectId: "project-admin",
          metadata: newest?.metadata ?? {},
          isIncremental: false,
        });
    }
  }

  tamper(at: number, what: Tampering): void {
    const rows = [...this.rows.values()];
    // What is about to happen is more often about the newest.
    const row = rows[rows.length - 1 - (at % Math.max(1, rows.length))];
    if (row === undefined) return;
    const marked = (key: string, value: string | null): void => {
      this.set(row.id, { metadata: written(row.metadata, key, value) });
    };
    switch (what) {
      case "vanish":
        this.rows.delete(row.id);
        return;
      case "wipe": {
        this.set(row.id, { metadata: {} });
        return;
      }
      case "wipe keep-until": {
        marked("dirigent:keep-until", null);
        return;
      }
      case "junk keep-until": {
        marked("dirigent:keep-until", "tomorrow");
        return;
      }
      case "wipe key": {
        marked("dirigent:key", null);
        return;
      }
      case "wipe parent": {
        marked("dirigent:parent", null);
        return;
      }
      case "wipe rule": {
        marked("dirigent:retention", null);
        return;
      }
      case "junk rule": {
        marked("dirigent:retention", "last=many");
        return;
      }
      case "hold": {
        marked("dirigent:hold", "2026-01-01T00:00:00Z");
        return;
      }
      case "wipe hold":
        for (const each of rows) this.set(each.id, { metadata: written(each.metadata, "dirigent:hold", null) });
        return;
      case "bad verdict": {
        marked("dirigent:verdict", "bad checksum");
        return;
      }
      case "error":
        if (row.status === "available") this.finish(row.id, "error");
        return;
      case "restoring":
        if (row.status === "available") this.set(row.id, { status: "restoring" });
        return;
      case "finish":
        for (const each of rows) if (["creating", "restoring"].includes(each.status)) this.finish(each.id, "available");
        for (const each of rows) if (["deleting"].includes(each.status)) this.rows.delete(each.id);
        return;
      case "shrink":
        this.set(row.id, { sizeGiB: row.sizeGiB - 1 });
    }
  }
}

const written = (metadata: Metadata, key: string, value: string | null): Metadata => {
  const others = Object.entries(metadata).filter(([each]) => each !== key);
  return Object.fromEntries(value === null ? others : [...others, [key, value]]);
};
