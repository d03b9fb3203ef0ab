import { resolve as resolvePath } from "node:path";
import { formatDuration } from "../domain/durations.ts";
import { defaultPolicy, every } from "../domain/policy.ts";
import { reservedNames } from "../domain/presets.ts";
import type { Given } from "./collect.ts";
import { ConfigError } from "./errors.ts";
import { buildArchive } from "./build-archive.ts";
import { buildCompression } from "./build-compression.ts";
import { buildPolicyHook } from "./build-policy-hook.ts";
import { buildReporting } from "./build-reporting.ts";
import type { LoadRequest } from "./request.ts";
import type { Values } from "./option.ts";
import type { schema } from "./schema.ts";
import { checkPlace, readSecret, secretSource } from "./secrets.ts";
import type { CredentialSettings, Settings } from "./settings.ts";
import { showUrl } from "./show.ts";

type Read = Values<typeof schema>;

interface BuildRequest {
  readonly values: Read;
  readonly given: ReadonlyMap<string, Given>;
  readonly files: readonly string[];
  readonly request: LoadRequest;
}

const minimumSettleTimeMs = 5 * 60_000;
const defaultTimeoutMs = 60_000;

/** Turns checked values into settings, and checks what two keys say together. */
export function buildSettings({ values, given, files, request }: BuildRequest): Settings {
  const { environment, overrides } = request;
  const problems: string[] = [];
  const place = (key: string): string => {
    const at = given.get(key)?.place;
    return at === undefined ? key : `${at}: ${key}`;
  };
  /** Runs `work`, and keeps what it has to say for the end. */
  const noting = <T>(work: () => T, otherwise: T): T => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return otherwise;
    }
  };

  const credential = (role: "reader" | "writer"): CredentialSettings => {
    const {
      cloud,
      secret_file: file,
      secret_fernet: fernet,
      secret_fernet_key_file: fernetKeyFile,
    } = values.openstack[role];
    const forms = { file, fernet, fernetKeyFile };
    const secret = noting(() => secretSource(`openstack.${role}.secret`, forms, environment), null);
    return { cloud: overrides?.cloud ?? cloud, secret };
  };

  const { policy } = values;
  const windowMs = policy.window ?? policy.period;
  if (windowMs > policy.period) {
    problems.push(
      `${place("policy.window")} is longer than policy.period; allowed: at most ${formatDuration(policy.period)}`,
    );
  }
  if (policy.minimum_retention > policy.retention) {
    const retention = `policy.retention (${formatDuration(policy.retention)})`;
    problems.push(`${place("policy.minimum_retention")} is longer than ${retention}; allowed: at most that`);
  }

  if (reservedNames.includes(policy.name)) {
    problems.push(`${place("policy.name")} is ${policy.name}, which is the name of a preset; give it another one`);
  }

  const { openstack } = values;
  const twiceTimeoutMs = 2 * (openstack.timeout ?? defaultTimeoutMs);
  const settings: Settings = {
    files,
    openstack: {
      reader: credential("reader"),
      writer: credential("writer"),
      timeoutMs: openstack.timeout,
      pageSize: openstack.page_size,
      concurrency: openstack.concurrency,
      settleTimeMs: openstack.settle_time ?? Math.max(twiceTimeoutMs, minimumSettleTimeMs),
    },
    database: noting(() => database({ values, given, files, request }), { url: "", shownUrl: "" }),
    conductor: {
      userIds: values.conductor.user_ids,
      timeZone: values.conductor.time_zone,
      keepHistoryMs: values.conductor.keep_history,
      backupSchedule: values.conductor.backup_schedule,
      rotationSchedule: values.conductor.rotation_schedule,
      name: values.conductor.name ?? environment.hostName,
      leaseTtlMs: values.conductor.lease_ttl,
      pollIntervalMs: values.conductor.poll_interval,
      shutdownGraceMs: values.conductor.shutdown_grace,
      catalogueFile: values.conductor.catalogue_file,
    },
    policy: {
      ...defaultPolicy,
      ...every(policy.period),
      name: policy.name,
      timeZone: values.conductor.time_zone,
      windowMs,
      retentionMs: policy.retention,
      minimumRetentionMs: policy.minimum_retention,
      fullEvery: policy.full_every,
      minimumIntervalMs: policy.minimum_interval,
      archive: noting(
        () =>
          buildArchive(policy.archive, {
            key: "policy",
            container: { key: "backup.container", name: values.backup.container },
            retention: { key: "policy.retention", ms: policy.retention },
          }),
        null,
      ),
    },
    policies: {
      file: values.policies.file,
      rulesFile: values.policies.rules_file,
      publishAssignment: values.policies.publish_assignment,
    },
    selection: {
      tagKey: values.selection.tag_key,
      tagValues: values.selection.tag_values.map((value) => value.toLowerCase()),
      skipKey: values.selection.skip_key,
      retentionKey: values.selection.retention_key,
      policyKey: values.selection.policy_key,
      overrideDelayMs: values.selection.override_delay,
      volumesPerProject: values.selection.volumes_per_project,
    },
    release: { key: values.selection.release_key, delayMs: values.selection.release_delay },
    backup: {
      nameTemplate: values.backup.name_template,
      container: values.backup.container,
      fromSnapshotTypes: values.backup.from_snapshot_types,
    },
    compression: noting(() => buildCompression(values), null),
    limits: {
      global: values.limits.global,
      perProject: values.limits.per_project,
      perPool: values.limits.per_pool,
      perBackupService: values.limits.per_backup_service,
    },
    deadline: { baseMs: values.deadline.base, bytesPerSecond: values.deadline.bytes_per_second },
    rotation: { enabled: values.rotation.enabled, brakeOverrides: values.rotation.brake_overrides },
    policyHook: buildPolicyHook(values.policy_hook, { environment, given, noting }),
    ...buildReporting(values, given, environment, noting),
    log: { level: overrides?.logLevel ?? values.log.level, format: values.log.format },
    metrics: values.metrics,
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

/** The database's URL, with a password from a file put in, and a relative path made absolute. */
function database({ values, given, request: { environment } }: BuildRequest): Settings["database"] {
  const {
    url,
    password_file: file,
    password_fernet: fernet,
    password_fernet_key_file: fernetKeyFile,
  } = values.database;
  const key = "database.password";
  const password = secretSource(key, { file, fernet, fernetKeyFile }, environment);
  const form = fernet === null ? `${key}_file` : `${key}_fernet`;
  if (url.startsWith("sqlite:")) {
    if (password !== null)
      throw new ConfigError([`${form} is set, but database.url is SQLite's, which has no password`]);
    const path = url.slice("sqlite:".length);
    const absolute = path === ":memory:" ? url : `sqlite:${resolvePath(environment.workingDirectory, path)}`;
    return { url: absolute, shownUrl: absolute };
  }
  const full = new URL(url);
  if (full.password !== "") checkPlace(given.get("database.url"));
  if (password !== null) {
    if (full.password !== "")
      throw new ConfigError([`${form} is set, but database.url holds a password, too; take one of them out`]);
    full.password = encodeURIComponent(readSecret(password, environment));
  }
  return { url: full.href, shownUrl: showUrl(full.href) };
}
