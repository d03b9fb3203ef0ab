import type { BrakeOverride } from "../domain/catalogue.ts";
import type { Compression } from "../domain/compression.ts";
import type { Policy, Selection } from "../domain/policy.ts";
import type { ReleaseRule } from "../domain/release.ts";
import type { SecretSource } from "./secrets.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export const logFormats = ["auto", "text", "json", "journal"] as const;
export type LogFormat = (typeof logFormats)[number];

export const mailTls = ["off", "starttls", "implicit"] as const;
export type MailTls = (typeof mailTls)[number];

/** How digests are sent by mail, and to whom. */
export interface MailSettings {
  readonly host: string;
  readonly port: number;
  readonly tls: MailTls;
  /** PEM; null: what this machine trusts. */
  readonly ca: string | null;
  readonly login: { readonly user: string; readonly password: SecretSource } | null;
  /** An address, perhaps with a name before it. */
  readonly from: string;
  readonly operators: readonly string[];
  readonly receivers: readonly string[];
  /** With `{PROJECT_NAME}` or `{PROJECT_ID}`. */
  readonly projectAddress: string | null;
  readonly members: boolean;
  /** For each answer of the server. */
  readonly timeoutMs: number;
  /** What to greet the server with. */
  readonly clientName: string;
}

/** Operators' own templates, by the built-in ones' names; absolute paths. */
export type TemplateSettings = Readonly<
  Partial<Record<"project.mjml" | "project.txt" | "operators.mjml" | "operators.txt", string>>
>;

/** Where something is posted to, or asked of. */
export interface HttpSettings {
  readonly url: SecretSource;
  readonly timeoutMs: number;
}

/** Where the credential of one of our two roles comes from. The credential itself is read by `loadConnections`. */
export interface CredentialSettings {
  /** Name in clouds.yaml; null: `OS_CLOUD`, else the `OS_*` variables. */
  readonly cloud: string | null;
  /** Of the password or application credential secret; null: clouds.yaml's or `OS_*`'s. */
  readonly secret: SecretSource | null;
}

/** Of `dirigent policy`. Files are absolute paths. */
export interface PolicyHookSettings {
  readonly address: string;
  readonly port: number;
  /** Null: plain HTTP. */
  readonly tls: {
    readonly certificateFile: string;
    readonly keyFile: string;
    /** Null: clients need no certificate. */
    readonly clientCaFile: string | null;
  } | null;
  /** Who may rotate and mark. */
  readonly conductorUserIds: readonly string[];
  readonly adminsMayDelete: boolean;
  readonly guardVolumeDelete: boolean;
  readonly lookUp: boolean;
  /** Null: none. */
  readonly catalogue:
    | { readonly kind: "file"; readonly path: string; readonly maxAgeMs: number }
    /** The URL holds a secret. */
    | { readonly kind: "database"; readonly url: string }
    | null;
  readonly bodyLimitBytes: number;
  readonly headerTimeoutMs: number;
  readonly keepAliveMs: number;
  /** Null: none. */
  readonly disableFile: string | null;
  readonly metrics: { readonly address: string; readonly port: number };
}

/** Everything that is configured: checked, defaults filled in, durations in milliseconds, deeply frozen. Made by `loadSettings` only. */
export interface Settings {
  /** The files it was read from, in order; later ones won. */
  readonly files: readonly string[];
  readonly openstack: {
    readonly reader: CredentialSettings;
    readonly writer: CredentialSettings;
    /** Of one attempt of one request; null: what clouds.yaml says for the cloud, else one minute. */
    readonly timeoutMs: number | null;
    /** Rows asked for in a page. */
    readonly pageSize: number;
    /** Requests at once to one service. */
    readonly concurrency: number;
    /** How long a POST whose answer was lost may still take effect. */
    readonly settleTimeMs: number;
  };
  readonly database: {
    /** `sqlite:/path`, or `mysql://user:password@host:port/name`. Holds a secret: show {@link shownUrl} instead. */
    readonly url: string;
    /** The same without its password. */
    readonly shownUrl: string;
  };
  readonly conductor: {
    /** Creators whose marked backups are ours, beside the writer's own user id. */
    readonly userIds: readonly string[];
    /** IANA name. */
    readonly timeZone: string;
    /** Cron expression in {@link timeZone}: when a creating pass is woken. */
    readonly backupSchedule: string;
    /** Cron expression in {@link timeZone}: when a rotation pass is woken. */
    readonly rotationSchedule: string;
    /** Owner of the lease. */
    readonly name: string;
    readonly keepHistoryMs: number;
    readonly leaseTtlMs: number;
    /** Between two looks at running backups. */
    readonly pollIntervalMs: number;
    /** From a stop signal until work in hand is given up. */
    readonly shutdownGraceMs: number;
    /** Written after every cycle for policy hooks; null: not. Absolute. */
    readonly catalogueFile: string | null;
  };
  readonly policy: Policy;
  readonly policies: {
    /** With policies, rules and exclusions; null: none. Absolute, as is the other. */
    readonly file: string | null;
    /** With further rules; Platform9's when it ends in `.json`. */
    readonly rulesFile: string | null;
    /** Whether Platform9's keys are written on volumes. */
    readonly publishAssignment: boolean;
  };
  readonly selection: Selection;
  readonly release: ReleaseRule;
  readonly backup: {
    readonly nameTemplate: string;
    /** Null: the backup service's own. */
    readonly container: string | null;
    /** Names of volume types whose backend makes snapshots, and reads of them, safe and cheap. */
    readonly fromSnapshotTypes: readonly string[];
  };
  /** What the backend is to compress, and the Ceph client that can look; null: whatever it does is right. */
  readonly compression:
    | (Compression & {
        readonly ceph: {
          readonly executable: string;
          readonly conf: string | null;
          readonly user: string | null;
          readonly timeoutMs: number;
        } | null;
      })
    | null;
  /** Backups in flight at once. */
  readonly limits: {
    readonly global: number;
    readonly perProject: number;
    readonly perPool: number;
    /** Times the number of cinder-backup services that are up. */
    readonly perBackupService: number;
  };
  /** A backup is reported as stuck `baseMs` + size / `bytesPerSecond` after it was sent. */
  readonly deadline: {
    readonly baseMs: number;
    readonly bytesPerSecond: number;
  };
  readonly rotation: {
    /** False: no restore point is ever deleted. */
    readonly enabled: boolean;
    readonly brakeOverrides: readonly BrakeOverride[];
  };
  readonly policyHook: PolicyHookSettings;
  /** Null: no mail is sent. */
  readonly mail: MailSettings | null;
  readonly templates: TemplateSettings;
  /** How long reports are tried to be delivered. */
  readonly retryForMs: number;
  /** Null: nothing is posted. `secret`: of the signature. */
  readonly webhook: (HttpSettings & { readonly secret: SecretSource | null }) | null;
  /** Null: nobody is pinged. */
  readonly ping: HttpSettings | null;
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  /** Prometheus metrics of the conductor. */
  readonly metrics: {
    readonly address: string;
    /** 0: any free one. Null: none are served. */
    readonly port: number | null;
    /** How many projects have series of their own. */
    readonly projects: number;
  };
}
