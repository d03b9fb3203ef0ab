/**
 * What the simulated cloud remembers. Tests read these records to judge and may write those fields that are not
 * `readonly`; the readonly ones are keys of an index.
 */

export type ServiceName = "identity" | "compute" | "block-storage";

export interface Project {
  readonly id: string;
  name: string;
  domainId: string;
  enabled: boolean;
  tags: string[];
}

export interface User {
  readonly id: string;
  name: string;
  domainId: string;
  password: string;
  enabled: boolean;
}

export interface Role {
  readonly id: string;
  readonly name: string;
}

/** `inherited` goes with a domain: the role then counts in every project of it. */
export interface Assignment {
  readonly userId: string;
  readonly roleId: string;
  readonly projectId?: string;
  readonly domainId?: string;
  readonly inherited: boolean;
}

export interface AccessRule {
  readonly id: string;
  readonly service: string;
  readonly method: string;
  readonly path: string;
}

export interface ApplicationCredential {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly secret: string;
  readonly userId: string;
  readonly projectId: string;
  readonly roleIds: readonly string[];
  readonly unrestricted: boolean;
  /** null: no rules, everything the roles allow. */
  readonly accessRules: readonly AccessRule[] | null;
  readonly expiresAtMs: number | null;
}

export interface Token {
  readonly id: string;
  readonly userId: string;
  /** null: an unscoped token. */
  readonly projectId: string | null;
  readonly methods: readonly string[];
  readonly auditId: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly applicationCredentialId: string | null;
}

export interface Attachment {
  readonly attachmentId: string;
  readonly serverId: string;
  readonly device: string;
  readonly attachedAtMs: number;
}

export interface Server {
  readonly id: string;
  readonly projectId: string;
  readonly userId: string;
  readonly createdAtMs: number;
  name: string;
  /** Nova's vm_state: active, stopped, paused, suspended, error, building, ... */
  vmState: string;
  taskState: string | null;
  locked: boolean;
  lockedByAdmin: boolean;
  lockedReason: string | null;
  imageId: string | null;
  metadata: Record<string, string>;
  tags: string[];
  availabilityZone: string;
  volumes: { readonly id: string; readonly deleteOnTermination: boolean; readonly device: string }[];
  updatedAtMs: number;
}

export interface Volume {
  readonly id: string;
  readonly projectId: string;
  readonly userId: string;
  readonly createdAtMs: number;
  name: string | null;
  description: string | null;
  status: string;
  previousStatus: string | null;
  sizeGiB: number;
  typeName: string;
  bootable: boolean;
  multiattach: boolean;
  encrypted: boolean;
  availabilityZone: string;
  host: string | null;
  snapshotId: string | null;
  sourceVolumeId: string | null;
  metadata: Record<string, string>;
  attachments: Attachment[];
  updatedAtMs: number | null;
  /** A stand-in for the bytes: a restore copies it from the backup. */
  content: string;
}

export interface Snapshot {
  readonly id: string;
  readonly projectId: string;
  readonly userId: string;
  readonly volumeId: string;
  readonly createdAtMs: number;
  name: string | null;
  description: string | null;
  status: string;
  sizeGiB: number;
  metadata: Record<string, string>;
  updatedAtMs: number | null;
  content: string;
}

export interface Backup {
  readonly id: string;
  readonly projectId: string;
  readonly userId: string;
  readonly volumeId: string;
  readonly snapshotId: string | null;
  readonly parentId: string | null;
  readonly createdAtMs: number;
  name: string | null;
  description: string | null;
  status: string;
  sizeGiB: number;
  metadata: Record<string, string>;
  dataTimestampMs: number;
  updatedAtMs: number | null;
  failReason: string | null;
  container: string | null;
  readonly availabilityZone: string | null;
  objectCount: number;
  /** Cinder's counter, which can differ from the children there are. */
  dependentCount: number;
  host: string | null;
  content: string;
}

export interface Message {
  readonly id: string;
  readonly projectId: string;
  readonly resourceType: string;
  readonly resourceUuid: string;
  readonly actionId: string;
  readonly detailId: string;
  readonly requestId: string;
  readonly createdAtMs: number;
}

export interface VolumeType {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly extraSpecs: Readonly<Record<string, string>>;
}

export interface ServiceHost {
  readonly binary: string;
  readonly host: string;
  up: boolean;
  enabled: boolean;
}
