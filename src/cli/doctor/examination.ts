import type { CinderService, Project } from "../../domain/inventory.ts";
import type { ServiceName } from "../../openstack/errors.ts";
import type { Grant, Needless } from "../../openstack/inspection.ts";
import type { CompressionState } from "../compression.ts";
import type { SchemaStatus } from "../../store/migrations.ts";

/** Why something could not be seen. */
export interface Problem {
  /**
   * `authentication`: the credential is not accepted; `no_access`: no token for that project; `single_project`: the credential is bound to another
   * project; `refused`: the service said no; `unfit`: the cloud lacks what we need; `unavailable`: no answer, or a server error; `other`.
   */
  readonly kind: "authentication" | "no_access" | "single_project" | "refused" | "unfit" | "unavailable" | "other";
  readonly message: string;
}

export type Seen<T> = { readonly value: T } | { readonly problem: Problem };

/** A project with tagged servers, and what the writer gets there. */
export interface ProtectedProject {
  readonly id: string;
  /** Null when the reader could not list the projects, or this one is not among them. */
  readonly project: Project | null;
  readonly grant: Seen<Grant>;
}

/** How far the reader sees in Cinder: by a backup's row, else by a volume's pool, which admins alone are shown; null without rows. */
export interface CinderRights {
  readonly backups: "admin" | "member" | null;
  readonly volumes: "admin" | "member" | null;
}

/** All that was seen; what it means is said by `findings`. */
export interface Examination {
  /** One credential does both. */
  readonly oneCredential: boolean;
  readonly verifiesCertificates: boolean;
  readonly readerGrant: Seen<Grant>;
  /** With the scope it has by itself. */
  readonly writerGrant: Seen<Grant>;
  readonly computeVersion: Seen<{ readonly used: string; readonly needed: string }>;
  readonly blockStorageVersion: Seen<{ readonly used: string; readonly needed: string }>;
  /** Servers in all, and how many of them are tagged. */
  readonly servers: Seen<{ readonly all: number; readonly tagged: number }>;
  readonly cinderRights: Seen<CinderRights>;
  readonly backupServices: Seen<readonly CinderService[]>;
  /** Status of calls that the reader should be refused. */
  readonly needless: Readonly<Record<Needless, Seen<number>>>;
  readonly projects: readonly ProtectedProject[];
  /** What each service's clock showed, by ours; null when it sent no date. */
  readonly clockAheadMs: Readonly<Record<ServiceName, number | null>>;
  readonly schema: Seen<SchemaStatus>;
  readonly compression: CompressionState;
  readonly settleTimeMs: number;
  readonly longestTimeoutMs: number;
  readonly tag: string;
}
