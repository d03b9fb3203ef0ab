import { dayMs } from "../domain/durations.ts";
import { algorithms, compressionDrivers, compressionModes } from "../domain/compression.ts";
import { periodProblem } from "../domain/schedule.ts";
import { brakeOverrides } from "./brake-overrides.ts";
import {
  absolutePath,
  boolean,
  bytes,
  cron,
  databaseUrl,
  duration,
  durationOrOff,
  durationThat,
  file,
  httpUrl,
  integer,
  list,
  mailAddress,
  mailSender,
  nameTemplate,
  oneOf,
  projectMailAddress,
  text,
  timeZone,
} from "./kinds.ts";
import { namedOptions, option, optional, type NamedOption, type Option, type Section } from "./option.ts";
import { logFormats, logLevels, mailTls } from "./settings.ts";

export const policyName = text(
  /^[a-z0-9][a-z0-9_-]{0,63}$/,
  "a word of lower-case letters, digits, _ and -, at most 64",
);
const metadataKey = text(/^[\x21-\x7e]{1,255}$/, "a metadata key of 1 to 255 visible characters");
const userId = text(/^[\w.-]{1,255}$/, "a user id");
const address = text(/^[\w.:-]{1,253}$/, "an IP address or host name");
export const containerName = text(/^[^\s/]{1,255}$/, "the name of a container");
const cloudName = text(/^\S+$/, "the name of a cloud in clouds.yaml");
const fernetToken = text(/^gAAAA[\w-]+={0,2}$/, "a Fernet token, which begins with gAAAA");

// The keys of one secret beside a plain value: KEY_file, KEY_fernet and KEY_fernet_key_file. `secretSource` of secrets.ts reads them.
const secretFile = (what: string, unset: string): Option<string | null> =>
  optional(file, unset, `File with ${what}. Only its owner may be able to read it.`);
const secretFernet = (what: string, unset: string): Option<string | null> => ({
  ...optional(fernetToken, unset, `Fernet token with ${what}, as Python's cryptography makes it.`),
  sensitive: true,
});
const secretFernetKeyFile = (what: string): Option<string | null> =>
  optional(file, "no Fernet token is used", `File with the key that opens the Fernet token of ${what}.`);
const secretOf = (role: string): string => `the ${role}'s password or application credential secret`;
const cloudsSecret = "the secret of clouds.yaml or the environment";
const databasePassword = "the password of the database's user";
const mailPassword = "the password for the mail server";
const mailPasswordDoc = "Password to log in with at the mail server; better in one of the three forms below.";
const webhookSecret = "the key of the webhook's signature";
const unlimited = "no limit";

/** The keys of a policy's archives, in the configuration and in the file of policies. */
export const archiveKeys = {
  every: optional(
    integer(2, 1000),
    "fulls are not counted",
    "Every Nth full backup of a volume is an archive: it goes to `policy.archive.container` and keeps `policy.archive.retention`.",
  ),
  first_of: optional(
    oneOf(["month", "year"] as const),
    "no archive by the calendar",
    "The first full backup of a volume in each month or year is an archive, in place of every Nth.",
  ),
  container: optional(containerName, "no archives", "Container of the archives, another one than `backup.container`."),
  retention: optional(
    duration,
    "no archives",
    "Age until which an archive is kept, longer than `policy.retention`. Tenants may ask for more.",
  ),
  availability_zone: optional(
    text(/^\S{1,255}$/, "the name of an availability zone"),
    "Cinder's choice",
    "Availability zone that archives are asked for. A backup that Cinder does not show there is reported as failed; Zed takes no notice of it.",
  ),
} satisfies Section;

/** Every key there is. The reference in docs/configuration.md is generated from it. */
export const schema = {
  openstack: {
    reader: {
      cloud: optional(
        cloudName,
        "`OS_CLOUD`, else the `OS_*` variables",
        "Cloud in clouds.yaml whose credential scans: role admin, better with the access rules of etc/access-rules.json.",
      ),
      secret_file: secretFile(secretOf("reader"), cloudsSecret),
      secret_fernet: secretFernet(secretOf("reader"), cloudsSecret),
      secret_fernet_key_file: secretFernetKeyFile(secretOf("reader")),
    },
    writer: {
      cloud: optional(
        cloudName,
        "`OS_CLOUD`, else the `OS_*` variables",
        "Cloud in clouds.yaml whose credential creates and deletes: role member on every protected project, never admin.",
      ),
      secret_file: secretFile(secretOf("writer"), cloudsSecret),
      secret_fernet: secretFernet(secretOf("writer"), cloudsSecret),
      secret_fernet_key_file: secretFernetKeyFile(secretOf("writer")),
    },
    timeout: optional(
      duration,
      "what clouds.yaml says for the cloud, else 1min",
      "How long one attempt of one request may take, to the last byte of its answer.",
    ),
    page_size: option(
      integer(1, 10_000),
      1000,
      "Rows asked for in one page. Services give no more than their own maximum.",
    ),
    concurrency: option(integer(1, 100), 8, "Requests sent to one service at once."),
    settle_time: optional(
      duration,
      "twice the timeout, at least 5min",
      "How long a request whose answer was lost may still take effect. Until it has passed, nothing is sent again. Lower it in tests only: " +
        "too short a time makes second backups.",
    ),
  },
  database: {
    url: option(
      databaseUrl,
      "sqlite:/var/lib/dirigent/dirigent.db",
      "Where state is kept. SQLite serves one conductor; MySQL, MariaDB and Galera serve several.",
      { sensitive: true },
    ),
    password_file: secretFile(databasePassword, "the password of `database.url`"),
    password_fernet: secretFernet(databasePassword, "the password of `database.url`"),
    password_fernet_key_file: secretFernetKeyFile(databasePassword),
  },
  conductor: {
    user_ids: option(
      list(userId, "a list of user ids"),
      [],
      "Users whose marked backups are ours, beside the writer: former writers, for instance. Never a tenant's.",
    ),
    time_zone: option(timeZone, "UTC", "Whose midnight slots are counted from, and in which schedules are read."),
    backup_schedule: option(cron, "*/5 * * * *", "When to look for slots that are due. The policy says what is due."),
    rotation_schedule: option(
      cron,
      "7 * * * *",
      "When to rotate beside the rotation that follows each project's backups.",
    ),
    name: optional(
      text(/^[\x21-\x7e]{1,128}$/, "1 to 128 visible characters"),
      "the host name",
      "Name of this conductor in the lease and in reports. Different on every host.",
    ),
    keep_history: option(
      durationThat("history", {
        allowed: "a duration of at least 30d",
        problem: (ms) => (ms < 30 * dayMs ? "is too short" : null),
      }),
      "1y",
      "How long runs with their jobs, operations and reports are kept. What open work and existing backups need stays as long as they do.",
    ),
    lease_ttl: option(duration, "30s", "How long a conductor that died keeps the others waiting."),
    poll_interval: option(duration, "15s", "How often running backups are looked at."),
    shutdown_grace: option(
      duration,
      "10min",
      "After a stop signal, how long to wait for running work. What is left is taken up by the next start.",
    ),
    catalogue_file: optional(
      text(/^\/[^\0]*$/, "an absolute path"),
      "none is written",
      "File with the ids of all automated backups and snapshots, replaced after every cycle, for policy hooks (`policy_hook.catalogue.file`).",
    ),
  },
  policy: {
    name: option(
      policyName,
      "default",
      "Name of the policy, part of every backup's key. A new name makes every slot due again.",
    ),
    period: option(
      durationThat("period", {
        allowed: "a duration that divides a day, or a whole number of days",
        problem: periodProblem,
      }),
      "1d",
      "One backup of each volume is due in every period, counted from local midnight.",
    ),
    window: optional(
      duration,
      "the period",
      "How long after the start of a slot a backup may still be started. At most the period.",
    ),
    retention: option(duration, "2w3d", "Age until which a backup is kept. Tenants may ask for another one."),
    minimum_retention: option(duration, "1d", "No tenant's request for a shorter retention goes below it."),
    full_every: option(
      integer(1, 1000),
      7,
      "Every Nth backup of a volume is a full one, those between are incremental. 1: all are full.",
    ),
    archive: archiveKeys,
    minimum_interval: option(durationOrOff, "0s", "No second backup of a volume within this time, whatever is due."),
  },
  policies: {
    file: optional(
      absolutePath,
      "the built-in policy and the presets are all there are",
      "File with policies, rules and exclusions (docs/policies.md). It is read again in every cycle; one that is wrong leaves the last good one in force.",
    ),
    rules_file: optional(
      absolutePath,
      "none but those of `policies.file`",
      "File with a list of further rules; one that ends in .json is read in Platform9's format. Read again in every cycle, too.",
    ),
    publish_assignment: option(
      boolean,
      false,
      "True: Platform9's keys are written on volumes, for people and tools that look for them there. They are never read as what is in force.",
    ),
  },
  selection: {
    tag_key: option(metadataKey, "backup", "Server metadata that asks for backups of all its volumes."),
    tag_values: option(
      list(text(/^\S.{0,254}$/, "a value"), "a list of values"),
      ["yes", "true"],
      "Values of it that count, in upper or lower case.",
    ),
    skip_key: option(
      metadataKey,
      "skip-volume-backup",
      "Volume metadata that excludes a volume when present with another value than false.",
    ),
    retention_key: option(
      metadataKey,
      "backup_retention",
      "Metadata of a volume or server that asks for another retention, such as 30d.",
    ),
    policy_key: option(
      metadataKey,
      "backup_policy",
      "Metadata of a volume or server that asks for policies, by their names with commas between them.",
    ),
    override_delay: option(
      duration,
      "7d",
      "How long a request for a shorter retention must have been seen before it counts.",
    ),
    release_key: option(
      metadataKey,
      "release-snapshots",
      "Volume metadata by which an owner, with yes, lets go of the automated snapshots of his volume; `dirigent release` writes it.",
    ),
    release_delay: option(
      duration,
      "7d",
      "How long that must have been seen before they are deleted. A shorter time leaves less of it to notice a mistake.",
    ),
    volumes_per_project: optional(
      integer(1),
      unlimited,
      "At most so many volumes of one project are backed up in a slot.",
    ),
  },
  backup: {
    name_template: option(
      nameTemplate,
      "{VOLUME_NAME}-{BACKUP_DATE}",
      "Name of a backup. What is longer than 255 characters is cut.",
    ),
    container: optional(
      containerName,
      "the backup service's own",
      "Container (object store, pool or directory) that the backup service writes to.",
    ),
    from_snapshot_types: option(
      list(text(/^\S(.{0,253}\S)?$/, "the name of a volume type"), "a list of volume types"),
      [],
      "Volume types of which backups may be made from temporary snapshots, for policies with `consistency: set`: those whose backend makes snapshots, and reads of " +
        "them, safe and cheap, and whose backups do not go to Cinder's Ceph driver, which such backups destroy (docs/policies.md).",
    ),
  },
  compression: {
    driver: optional(
      oneOf(compressionDrivers),
      "compression is left alone",
      "Cinder's backup driver. Compression happens there: `dirigent compression show` prints what to set, `dirigent compression check` compares.",
    ),
    algorithm: optional(
      oneOf([...new Set([...algorithms.ceph, ...algorithms.chunked])]),
      "left as it is",
      "How backups are compressed. Ceph knows none, lz4, snappy, zlib and zstd, the other drivers none, zlib, bz2 and zstd.",
    ),
    mode: optional(oneOf(compressionModes), "left as it is", "When Ceph compresses what is written to the pool."),
    pool: option(text(/^[\w.-]{1,128}$/, "the name of a pool"), "backups", "Ceph's pool of backups."),
    required_ratio: optional(
      text(/^(0\.\d{1,6}|1(\.0)?)$/, "a number above 0 and at most 1, in quotes"),
      "left as it is",
      "Ceph keeps a chunk compressed when it shrinks to this part of its size or less.",
    ),
    min_blob_size: optional(bytes, "left as it is", "Ceph compresses nothing smaller."),
    max_blob_size: optional(bytes, "left as it is", "Ceph splits what is larger before it compresses it."),
    ceph: {
      executable: optional(
        text(/^\/[^\0]+$/, "an absolute path"),
        "nothing is asked",
        "Ceph's client, such as /usr/bin/ceph, to compare the pool with. It only reads: `osd pool ls detail`, for which `mon 'allow r'` is enough.",
      ),
      conf: optional(text(/^\/[^\0]+$/, "an absolute path"), "the client's own", "Configuration file of the client."),
      user: optional(
        text(/^[\w.-]{1,128}$/, "the name of a user, without `client.`"),
        "the client's own",
        "User of the client.",
      ),
      timeout: option(duration, "10s", "How long the client may take."),
    },
  },
  limits: {
    global: option(integer(1), 30, "Backups in flight at once, in all."),
    per_project: option(integer(1), 4, "Backups in flight at once in one project."),
    per_pool: option(integer(1), 8, "Backups in flight at once of volumes in one storage pool."),
    per_backup_service: option(integer(1), 10, "Backups in flight at once for each cinder-backup service that is up."),
  },
  deadline: {
    base: option(
      duration,
      "1h",
      "A backup that has not ended after this, plus its size at the rate below, is reported as stuck.",
    ),
    bytes_per_second: option(bytes, "20MiB", "The rate at which a backup is expected to be written at least."),
  },
  rotation: {
    enabled: option(boolean, true, "False: no restore point is ever deleted."),
    brake_overrides: option(
      brakeOverrides,
      [],
      "Permissions to delete more in a project than the brake allows: points in 24 hours, and when the permission ends.",
      { fileOnly: true },
    ),
  },
  policy_hook: {
    address: option(
      address,
      "127.0.0.1",
      "Address that `dirigent policy` listens on. Any but a loopback one wants TLS.",
    ),
    port: option(integer(0, 65_535), 8808, "Port that it listens on; 0 takes any free one."),
    tls: {
      certificate_file: optional(
        file,
        "plain HTTP",
        "File with the certificate, and those between it and the authority's, in PEM. Cinder's rules then say https.",
      ),
      key_file: optional(
        file,
        "none",
        "File with the certificate's key in PEM. Only its owner may be able to read it.",
      ),
      client_ca_file: optional(
        file,
        "clients need no certificate",
        "File with the authorities, in PEM, one of which must have signed the certificate of whoever asks.",
      ),
    },
    conductor_user_ids: option(
      list(userId, "a list of user ids"),
      [],
      "The writer's user id, as `dirigent doctor` shows it: who may rotate and mark. There must be one. Former writers belong in `conductor.user_ids`, " +
        "which keeps what they made protected without letting them in.",
    ),
    admins_may_delete: option(
      boolean,
      false,
      "True: admins may delete and change automated backups and snapshots unless they are held. False: the conductor alone may.",
    ),
    guard_volume_delete: option(
      boolean,
      false,
      "True: a volume with automated snapshots in the catalogue cannot be deleted. Needs a catalogue; every deletion of a volume then waits for the hook.",
    ),
    look_up: option(
      boolean,
      false,
      "True: objects that a request describes too little of are asked for in OpenStack, with the reader's credential. Cinder describes them in full.",
    ),
    catalogue: {
      file: optional(
        text(/^\/[^\0]*$/, "an absolute path"),
        "what requests say is enough",
        "File that the conductor writes (`conductor.catalogue_file`). While it is missing or stale, the hook denies what it would ask it for.",
      ),
      max_age: option(duration, "1h", "A file whose last writing is longer ago than this is stale."),
      database_url: optional(
        databaseUrl,
        "what requests say is enough",
        "The conductor's database on MySQL, in place of a file. Its user needs to SELECT from the view `guarded_points` and nothing else.",
        { sensitive: true },
      ),
      database_password_file: secretFile(databasePassword, "the password of `policy_hook.catalogue.database_url`"),
      database_password_fernet: secretFernet(databasePassword, "the password of `policy_hook.catalogue.database_url`"),
      database_password_fernet_key_file: secretFernetKeyFile(databasePassword),
    },
    body_limit: option(bytes, "256KiB", "A longer request is denied unread. Cinder's have about 2 KiB."),
    header_timeout: option(duration, "2s", "How long the headers of a request may take to arrive."),
    keep_alive: option(
      duration,
      "75s",
      "How long a connection may stay open without a request. Longer than a proxy in front keeps its own, or that may use one that has just been closed.",
    ),
    disable_file: optional(
      text(/^\/[^\0]*$/, "an absolute path"),
      "none",
      "While this file exists, /healthcheck answers 503, so that load balancers send requests elsewhere. Requests that come are answered as ever.",
    ),
    metrics: {
      address: option(address, "127.0.0.1", "Address that /metrics is served on."),
      port: option(integer(0, 65_535), 9808, "Port that /metrics is served on; 0 takes any free one."),
    },
  },
  mail: {
    host: optional(address, "no mail is sent", "Mail server that takes the digests."),
    port: optional(integer(1, 65_535), "25, with `mail.tls: starttls` 587, with `implicit` 465", "Its port."),
    tls: option(
      oneOf(mailTls),
      "starttls",
      "Encryption: `starttls` demands it after a plain greeting, `implicit` begins with it; both check the server's certificate. `off` suits a relay on this host.",
    ),
    ca_file: optional(
      absolutePath,
      "the authorities that this machine trusts",
      "PEM file of the authority that signed the mail server's certificate.",
    ),
    user: optional(text(/^\S.{0,254}$/, "a name"), "no login", "Name to log in with at the mail server."),
    password: optional(text(/^[\s\S]+$/, "a text"), "the password of one of the keys below", mailPasswordDoc, {
      sensitive: true,
    }),
    password_file: secretFile(mailPassword, "the password of `mail.password`"),
    password_fernet: secretFernet(mailPassword, "the password of `mail.password`"),
    password_fernet_key_file: secretFernetKeyFile(mailPassword),
    from: optional(mailSender, "must be set where `mail.host` is", "Sender of the digests."),
    operators: option(
      list(mailAddress, "a list of mail addresses"),
      [],
      "Who gets the digest of every run, with the services' own words, and what is wrong with the reports themselves.",
    ),
    receivers: option(
      list(mailAddress, "a list of mail addresses"),
      [],
      "Who gets every project's digest, beside the project's own people.",
    ),
    project_address: optional(
      projectMailAddress,
      "projects have no address of their own",
      "Where a project's digest goes. A project whose name has anything but letters, digits and `. _ + -` in it has no address by name; its id always makes one.",
    ),
    members: option(
      boolean,
      false,
      "True: a project's digest goes to the addresses that its members have in Keystone. The reader needs more rights for it (docs/digest.md).",
    ),
    timeout: option(duration, "30s", "How long the mail server may take for each answer."),
    retry_for: option(
      duration,
      "2d",
      "How long a mail or a webhook's message is tried again when it is not accepted. What is refused for good is not tried again.",
    ),
    templates: {
      project: optional(absolutePath, "the built-in one", "MJML template of a project's digest (docs/digest.md)."),
      project_text: optional(absolutePath, "the built-in one", "Template of its plain-text part."),
      operators: optional(absolutePath, "the built-in one", "MJML template of the operators' digest."),
      operators_text: optional(absolutePath, "the built-in one", "Template of its plain-text part."),
    },
  },
  webhook: {
    url: optional(httpUrl, "nothing is posted", "Where every report and every run's end is posted to, as JSON.", {
      sensitive: true,
    }),
    url_file: secretFile("that URL, where it is a secret", "the URL of `webhook.url`"),
    secret: optional(text(/^[\s\S]+$/, "a text"), "nothing is signed", "Key of the signature (HMAC-SHA256).", {
      sensitive: true,
    }),
    secret_file: secretFile(webhookSecret, "the key of `webhook.secret`"),
    secret_fernet: secretFernet(webhookSecret, "the key of `webhook.secret`"),
    secret_fernet_key_file: secretFernetKeyFile(webhookSecret),
    timeout: option(duration, "10s", "How long the receiver may take for its answer."),
  },
  ping: {
    url: optional(
      httpUrl,
      "nobody is told",
      "URL of a dead-man's switch: asked for after each run that backed something up, so that somebody notices when none did.",
      { sensitive: true },
    ),
    url_file: secretFile("that URL, where it is a secret", "the URL of `ping.url`"),
    timeout: option(duration, "10s", "How long it may take for its answer."),
  },
  log: {
    level: option(oneOf(logLevels), "info", "How much is logged, to standard error."),
    format: option(
      oneOf(logFormats),
      "auto",
      "How it is written. `auto`: text on a terminal, text with journald's priorities when standard error is the journal, else JSON.",
    ),
  },
  metrics: {
    address: option(
      text(/^[\w.:-]{1,253}$/, "an IP address or host name"),
      "127.0.0.1",
      "Address on which `dirigent conductor` serves Prometheus metrics. They tell about every project: keep it a loopback one.",
    ),
    port: optional(
      integer(0, 65_535),
      "no metrics are served",
      "Port of the metrics, for instance 9808; 0 takes any free one.",
    ),
    projects: option(
      integer(1, 100_000),
      500,
      "So many projects have series of their own, those that are worst off first. The totals count all.",
    ),
  },
} satisfies Section;

/** All keys, in the order of the reference. */
export const options: readonly NamedOption[] = namedOptions(schema, "");
