import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Environment } from "./environment.ts";
import { ConfigError } from "./errors.ts";
import { effectiveValues, loadSettings, settingsFrom } from "./load.ts";
import type { LoadRequest } from "./request.ts";
import { environmentOf } from "./testing.ts";

const day = 24 * 60 * 60_000;

/** Loads with `text` as the main file. */
const load = (text: string, rest: Partial<Environment> = {}, overrides: LoadRequest["overrides"] = {}) =>
  loadSettings({
    environment: { ...environmentOf({ files: { "/etc/dirigent/dirigent.yaml": text } }), ...rest },
    overrides,
  });

const problemsOf = (work: () => unknown): readonly string[] => {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return [];
};

describe("loadSettings", () => {
  it("works without any file and fills in the defaults", () => {
    const settings = loadSettings({ environment: environmentOf({ hostName: "ctl1" }) });
    assert.deepEqual(settings.files, []);
    assert.equal(settings.conductor.name, "ctl1");
    assert.equal(settings.openstack.settleTimeMs, 5 * 60_000);
    assert.deepEqual(settings.policy, {
      name: "default",
      mechanisms: ["backup"],
      schedule: { kind: "every", periodMs: day },
      timeZone: "UTC",
      periodMs: day,
      catchUp: "skip",
      jitterMs: 0,
      thinning: null,
      maximumChainAgeMs: null,
      container: null,
      priority: 100,
      maximumConcurrent: null,
      consistency: "volume",
      onQuota: "block",
      windowMs: day,
      retentionMs: 17 * day,
      minimumRetentionMs: day,
      fullEvery: 7,
      minimumIntervalMs: 0,
      archive: null,
    });
  });

  it("lets conf.d win over the main file in the order of names, variables over both, the command line over all", () => {
    const environment = environmentOf({
      files: {
        "/etc/dirigent/dirigent.yaml":
          "limits: {global: 1, per_project: 1, per_pool: 1}\nopenstack: {reader: {cloud: a}}",
        "/etc/dirigent/conf.d/20-b.yaml": "limits: {per_pool: 3}",
        "/etc/dirigent/conf.d/10-a.yaml": "limits: {per_project: 2, per_pool: 2}",
        "/etc/dirigent/conf.d/.hidden.yaml": "limits: {global: 9}",
        "/etc/dirigent/conf.d/30-c.yaml~": "limits: {global: 9}",
      },
      variables: { DIRIGENT_LIMITS_PER_BACKUP_SERVICE: "4", DIRIGENT_LOG_LEVEL: "warn", DIRIGENT_LIMITS_GLOBAL: "" },
    });
    const settings = loadSettings({ environment, overrides: { cloud: "z", logLevel: "debug" } });
    assert.deepEqual(settings.files, [
      "/etc/dirigent/dirigent.yaml",
      "/etc/dirigent/conf.d/10-a.yaml",
      "/etc/dirigent/conf.d/20-b.yaml",
    ]);
    assert.deepEqual(settings.limits, { global: 1, perProject: 2, perPool: 3, perBackupService: 4 });
    assert.equal(settings.openstack.reader.cloud, "z");
    assert.equal(settings.openstack.writer.cloud, "z");
    assert.equal(settings.log.level, "debug");
  });

  it("puts what options of a command say above everything, and checks it", () => {
    const values = { "conductor.backup_schedule": { value: "*/10 * * * *", option: "--create-schedule" } };
    const text = "conductor: {backup_schedule: '0 1 * * *', rotation_schedule: '0 2 * * *'}";
    const { backupSchedule, rotationSchedule } = load(text, {}, { values }).conductor;
    assert.deepEqual([backupSchedule, rotationSchedule], ["*/10 * * * *", "0 2 * * *"]);
    const environment = environmentOf({ files: { "/etc/dirigent/dirigent.yaml": text } });
    assert.deepEqual(
      effectiveValues({ environment, overrides: { values } }).find(({ key }) => key === "conductor.backup_schedule"),
      { key: "conductor.backup_schedule", value: "*/10 * * * *", source: "--create-schedule" },
    );
    const wrong = { "metrics.port": { value: 99_999, option: "--bind-address" }, "log.level": undefined };
    assert.deepEqual(
      problemsOf(() => load("", {}, { values: wrong })),
      ["--bind-address: metrics.port is 99999; allowed: a whole number from 0 to 65535"],
    );
  });

  it("takes the main file from --config, else from DIRIGENT_CONFIG, and says when it is not there", () => {
    const files = { "/a.yaml": "limits: {global: 1}", "/home/me/b.yaml": "limits: {global: 2}" };
    const environment = environmentOf({
      files,
      variables: { DIRIGENT_CONFIG: "/a.yaml" },
      workingDirectory: "/home/me",
    });
    assert.equal(loadSettings({ environment }).limits.global, 1);
    assert.equal(loadSettings({ environment, configFile: "b.yaml" }).limits.global, 2);
    assert.deepEqual(
      problemsOf(() => loadSettings({ environment, configFile: "c.yaml" })),
      ["/home/me/c.yaml: no such file; --config names it"],
    );
    const lost = environmentOf({ variables: { DIRIGENT_CONFIG: "/gone.yaml" } });
    assert.deepEqual(
      problemsOf(() => loadSettings({ environment: lost })),
      ["/gone.yaml: no such file; DIRIGENT_CONFIG names it"],
    );
  });

  it("reports everything at once: unknown keys and variables, sections, and values, with place, value and what is allowed", () => {
    const text = [
      "policy:",
      "  retenton: 2w",
      "  full_every: 0",
      "database: mysql://u:secret@h/db",
      "openstack:",
      "  timeout: soon",
      "  writer: {password: hunter2}",
      "limits:",
      "per_pool: 3",
      "policy2: {a: 1}",
      "log: {level:}",
    ].join("\n");
    const variables = { DIRIGENT_LIMITS_GLOBAL: "many", DIRIGENT_POLICY_PERIODE: "1d", OS_CLOUD: "x" };
    const at = (line: number, column: number): string => `/etc/dirigent/dirigent.yaml:${line}:${column}`;
    const duration = "a duration such as 90s, 15min, 6h, 1d or 2w3d (units y, mon, w, d, h, min, s, in this order)";
    assert.deepEqual(
      problemsOf(() => load(text, { variables })),
      [
        `${at(2, 3)}: policy.retenton is not a known key (value: "2w"); did you mean policy.retention?`,
        `${at(4, 1)}: database is a section; allowed: a map with the keys url, password_file, password_fernet, password_fernet_key_file`,
        `${at(7, 12)}: openstack.writer.password is not a known key (value: (hidden)); known here: cloud, secret_file, secret_fernet, secret_fernet_key_file`,
        `${at(9, 1)}: per_pool is not a known key (value: 3); did you mean limits.per_pool?`,
        `${at(10, 1)}: policy2 is not a known key (value: {"a":1}); known here: openstack, database, conductor, policy, policies, selection, backup, compression, limits, deadline, rotation, policy_hook, mail, webhook, ping, log, metrics`,
        'DIRIGENT_POLICY_PERIODE: not a known variable (value: "1d"); did you mean DIRIGENT_POLICY_PERIOD?',
        `${at(3, 3)}: policy.full_every is 0; allowed: a whole number from 1 to 1000`,
        `${at(6, 3)}: openstack.timeout is "soon"; allowed: ${duration}`,
        `${at(11, 7)}: log.level is nothing; allowed: one of trace, debug, info, warn, error, silent; leave the key out to get the default`,
        'DIRIGENT_LIMITS_GLOBAL: limits.global is "many"; allowed: a whole number of at least 1',
      ],
    );
  });

  it("checks a value even where a later file overrides it", () => {
    const files = {
      "/etc/dirigent/dirigent.yaml": "limits: {global: 0}",
      "/etc/dirigent/conf.d/a.yaml": "limits: {global: 5}",
    };
    assert.equal(problemsOf(() => loadSettings({ environment: environmentOf({ files }) })).length, 1);
  });

  it("names file, line and column of what is not YAML, without quoting the line", () => {
    assert.deepEqual(
      problemsOf(() => load("limits: {global: 1}\ndatabase:\n  url: 'mysql://u:secret@h/db\n")),
      ["/etc/dirigent/dirigent.yaml:4:1: not valid YAML: Missing closing 'quote"],
    );
    assert.deepEqual(
      problemsOf(() => load("log: {level: info}\nlog: {level: warn}\n")),
      ["/etc/dirigent/dirigent.yaml:2:1: not valid YAML: Map keys must be unique"],
    );
    assert.deepEqual(
      problemsOf(() => load("a: &x {b: *x}")),
      ["/etc/dirigent/dirigent.yaml:1:11: aliases are not supported; write the value out"],
    );
    assert.deepEqual(
      problemsOf(() => load("- a\n- b")),
      ["/etc/dirigent/dirigent.yaml:1:1: must be a map of keys and values"],
    );
  });

  it("reads an empty file and empty sections as nothing said", () => {
    assert.deepEqual(load("").limits, load("limits:\n  # global: 3\n").limits);
  });

  it("refuses a .yml in conf.d instead of passing over it", () => {
    const environment = environmentOf({ files: { "/etc/dirigent/conf.d/a.yml": "" } });
    assert.deepEqual(
      problemsOf(() => loadSettings({ environment })),
      ["/etc/dirigent/conf.d/a.yml: only names that end in .yaml are read; rename it"],
    );
  });

  it("checks what two keys say together", () => {
    assert.deepEqual(
      problemsOf(() => load("policy: {period: 6h, window: 12h, retention: 1d, minimum_retention: 2d}")),
      [
        "/etc/dirigent/dirigent.yaml:1:22: policy.window is longer than policy.period; allowed: at most 6h",
        "/etc/dirigent/dirigent.yaml:1:50: policy.minimum_retention is longer than policy.retention (1d); allowed: at most that",
      ],
    );
  });

  it("derives the settle time from the timeout unless it is given", () => {
    assert.equal(load("openstack: {timeout: 10min}").openstack.settleTimeMs, 20 * 60_000);
    assert.equal(load("openstack: {timeout: 10min, settle_time: 2s}").openstack.settleTimeMs, 2000);
  });

  it("refuses schedules, zones, names and templates that mean nothing", () => {
    const wrong = [
      "conductor: {time_zone: Mars/Base}",
      "conductor: {time_zone: '+01:00'}",
      "conductor: {backup_schedule: '61 * * * *'}",
      "conductor: {backup_schedule: '* * *'}",
      "conductor: {rotation_schedule: '0 0 30 2 *'}",
      "policy: {period: 7h}",
      "policy: {name: Daily}",
      "backup: {name_template: '{VOLUME}'}",
    ];
    for (const text of wrong) assert.equal(problemsOf(() => load(text)).length, 1, text);
    assert.equal(
      load("conductor: {time_zone: Europe/Berlin, backup_schedule: '*/10 * * * * *'}").conductor.timeZone,
      "Europe/Berlin",
    );
  });

  it("reads the truth values of YAML in a list as the words they were", () => {
    assert.deepEqual(load("selection: {tag_values: [Yes, true, 1]}").selection.tagValues, ["yes", "true", "1"]);
    const variables = { DIRIGENT_SELECTION_TAG_VALUES: "on, Daily" };
    assert.deepEqual(load("", { variables }).selection.tagValues, ["on", "daily"]);
  });

  it("reads sizes with units, and durations that may be off", () => {
    const rate = (value: string): number => load(`deadline: {bytes_per_second: ${value}}`).deadline.bytesPerSecond;
    assert.deepEqual(["20MiB", "1.5 GiB", "500kB", "1000"].map(rate), [20_971_520, 1_610_612_736, 500_000, 1000]);
    for (const wrong of ["20Mib", "0", "-1", "fast", "[]"])
      assert.equal(problemsOf(() => rate(wrong)).length, 1, wrong);
    const interval = (value: string): number => load(`policy: {minimum_interval: ${value}}`).policy.minimumIntervalMs;
    assert.deepEqual(["0s", "0", "6h"].map(interval), [0, 0, 21_600_000]);
    assert.equal(problemsOf(() => interval("-6h")).length, 1);
  });

  it("reads brake overrides", () => {
    const text = "rotation: {brake_overrides: [{project: p1, count: 500, expires: '2026-12-01T06:00:00Z'}]}";
    assert.deepEqual(load(text).rotation.brakeOverrides, [
      { projectId: "p1", count: 500, expiresAt: new Date("2026-12-01T06:00:00Z") },
    ]);
    const wrong = [
      "{project: p1, count: 500}",
      "{project: p1, count: 500, expires: tomorrow}",
      "{project: p1, count: 0, expires: '2026-12-01T06:00:00Z'}",
      "{project: a b, count: 1, expires: '2026-12-01T06:00:00Z'}",
      "{project: p1, count: 1, expires: '2026-12-01T06:00:00Z', why: x}",
      "p1",
    ];
    for (const entry of wrong) {
      assert.equal(problemsOf(() => load(`rotation: {brake_overrides: [${entry}]}`)).length, 1, entry);
    }
  });

  it("freezes all of it", () => {
    const settings = settingsFrom({
      rotation: { brake_overrides: [{ project: "p", count: 1, expires: "2026-12-01T06:00:00Z" }] },
    });
    const thawed = (value: unknown): boolean =>
      typeof value === "object" && value !== null && (!Object.isFrozen(value) || Object.values(value).some(thawed));
    assert.equal(thawed(settings), false);
  });
});

describe("database", () => {
  const url = "mysql://dirigent@db:3306/dirigent";

  it("makes a relative path absolute", () => {
    const { database } = load("database: {url: 'sqlite:state/d.db'}", { workingDirectory: "/srv" });
    assert.deepEqual(database, { url: "sqlite:/srv/state/d.db", shownUrl: "sqlite:/srv/state/d.db" });
  });

  it("puts in the password of a file or of a systemd credential, and never shows it", () => {
    const files = { "/run/creds/db": "p@ss/w%rd\n" };
    const byPath = environmentOf({
      files,
      variables: { DIRIGENT_DATABASE_URL: url, DIRIGENT_DATABASE_PASSWORD_FILE: "/run/creds/db" },
    });
    const want = {
      url: "mysql://dirigent:p%40ss%2Fw%25rd@db:3306/dirigent",
      shownUrl: "mysql://dirigent:***@db:3306/dirigent",
    };
    assert.deepEqual(loadSettings({ environment: byPath }).database, want);
    const byName = environmentOf({
      files,
      modes: { "/run/creds/db": 0o440 },
      variables: {
        DIRIGENT_DATABASE_URL: url,
        DIRIGENT_DATABASE_PASSWORD_FILE: "db",
        CREDENTIALS_DIRECTORY: "/run/creds",
      },
    });
    assert.deepEqual(loadSettings({ environment: byName }).database, want);
  });

  it("refuses a password that others can read, with the command that mends it", () => {
    const text = "database: {url: 'mysql://u:secret@h/db'}";
    const problems = (mode: number): readonly string[] =>
      problemsOf(() =>
        loadSettings({
          environment: environmentOf({
            files: { "/etc/dirigent/dirigent.yaml": text },
            modes: { "/etc/dirigent/dirigent.yaml": mode },
          }),
        }),
      );
    const file = "/etc/dirigent/dirigent.yaml";
    assert.deepEqual(problems(0o600), []);
    assert.deepEqual(problems(0o640), [
      `${file}: holds a secret and can be read by its group (mode 0640); run: chmod 600 ${file}`,
    ]);
    assert.deepEqual(problems(0o604), [
      `${file}: holds a secret and can be read by everybody (mode 0604); run: chmod 600 ${file}`,
    ]);
  });

  it("says what is wrong with a password file", () => {
    const problems = (name: string, database = url): readonly string[] =>
      problemsOf(() =>
        loadSettings({
          environment: environmentOf({
            files: { "/empty": "\n", "/open": "x" },
            modes: { "/open": 0o644 },
            variables: { DIRIGENT_DATABASE_URL: database, DIRIGENT_DATABASE_PASSWORD_FILE: name },
          }),
        }),
      );
    assert.deepEqual(problems("/gone"), ["/gone: no such file; database.password_file names it"]);
    assert.deepEqual(problems("/empty"), ["/empty: is empty; database.password_file names it"]);
    assert.deepEqual(problems("/open"), [
      "/open: holds a secret and can be read by everybody (mode 0644); run: chmod 600 /open",
    ]);
    assert.deepEqual(problems("db"), [
      'database.password_file is "db", a systemd credential, but CREDENTIALS_DIRECTORY is not set; ' +
        "add LoadCredential=db:/path/to/file to the unit, or give an absolute path",
    ]);
    assert.deepEqual(problems("/open", "mysql://u:p@h/db"), [
      "database.password_file is set, but database.url holds a password, too; take one of them out",
    ]);
    assert.deepEqual(problems("/open", "sqlite:/x"), [
      "database.password_file is set, but database.url is SQLite's, which has no password",
    ]);
  });

  it("hides a URL with a password also when it is wrong", () => {
    assert.deepEqual(
      problemsOf(() => load("database: {url: 'postgres://u:secret@h/db'}")),
      [
        "/etc/dirigent/dirigent.yaml:1:12: database.url is (hidden); allowed: sqlite:/path/to/file.db, or mysql://user:password@host:3306/name with ?tls=require and &ca=/path.pem as needed",
      ],
    );
  });
});
