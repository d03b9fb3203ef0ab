import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { aVolume } from "../../../test/unit/support/builders.ts";
import { defaultPolicy, type Policy } from "../../domain/policy.ts";
import type { PolicyBook } from "../../domain/policy-book.ts";
import { assignByRules } from "../../domain/rules.ts";
import { ConfigError } from "../errors.ts";
import { readPolicyBook } from "./read-book.ts";

const dayMs = 86_400_000;
const zone = "Europe/Berlin";
const builtIn: Policy = { ...defaultPolicy, timeZone: zone };
const defaults = { timeZone: zone, container: null, builtIn };

const policiesPath = "/p.yaml";
const book = (yaml: string, rules: { path: string; text: string } | null = null): PolicyBook =>
  readPolicyBook({ policies: { path: policiesPath, text: yaml }, rules }, defaults);

const problemsOf = (work: () => unknown): readonly string[] => {
  try {
    work();
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
};

/** The problems of a policy `gold` with these lines. */
const ofGold = (...lines: string[]): readonly string[] =>
  problemsOf(() => book(`policies:\n  gold:\n${lines.map((line) => `    ${line}\n`).join("")}`));

const simple = "policies: {gold: {schedule: {daily: '02:00'}, retention: {age: 30d}}}\n";
/** The problems of rules with these lines, beside a good policy `gold`. */
const ofRules = (...lines: string[]): readonly string[] =>
  problemsOf(() => book(`${simple}rules:\n${lines.map((line) => `  ${line}\n`).join("")}`));

describe("the file of policies", () => {
  it("has the built-in policy and the presets where it says nothing", () => {
    for (const text of ["", "policies:\nrules:\nexclusions:\n", "policies: {}\nrules: []\nexclusions: []\n"]) {
      const { policies, rules, exclusions } = book(text);
      assert.deepEqual([...policies.keys()], ["default", "daily_5", "monthly_1st", "monthly_15th"]);
      assert.equal(policies.get("default"), builtIn);
      assert.deepEqual([rules, exclusions], [[], []]);
    }
    assert.equal(readPolicyBook({ policies: null, rules: null }, defaults).version, null);
  });

  it("reads every key of a policy", () => {
    const { policies } = book(`
policies:
  gold:
    mechanism: both
    schedule: {weekly: {day: sunday, at: "23:00"}}
    time_zone: Asia/Kolkata
    window: 4h
    jitter: 30min
    catch_up: skip
    retention: {age: 30d, last: 3, hourly: 1, daily: 7, weekly: 4, monthly: 12, yearly: 2, count_from: previous, minimum_keep: 2}
    minimum_retention: 2d
    full_every: 4
    maximum_chain_age: 40d
    minimum_interval: 1h
    container: gold
    archive: {every: 5, container: vault, retention: 5y, availability_zone: far}
    priority: 10
    maximum_concurrent: 3
    on_quota: prune
`);
    const gold: Policy = {
      name: "gold",
      mechanisms: ["backup", "snapshot"],
      schedule: { kind: "weekly", weekDay: 7, at: "23:00" },
      timeZone: "Asia/Kolkata",
      periodMs: 7 * dayMs,
      windowMs: dayMs / 6,
      jitterMs: dayMs / 48,
      catchUp: "skip",
      retentionMs: 30 * dayMs,
      thinning: {
        last: 3,
        hourly: 1,
        daily: 7,
        weekly: 4,
        monthly: 12,
        yearly: 2,
        countFrom: "previous",
        minimumKeep: 2,
        timeZone: "Asia/Kolkata",
      },
      minimumRetentionMs: 2 * dayMs,
      fullEvery: 4,
      maximumChainAgeMs: 40 * dayMs,
      minimumIntervalMs: dayMs / 24,
      container: "gold",
      archive: {
        which: { every: 5 },
        container: "vault",
        retentionMs: 5 * 365 * dayMs,
        availabilityZone: "far",
      },
      priority: 10,
      maximumConcurrent: 3,
      consistency: "volume",
      onQuota: "prune",
    };
    assert.deepEqual(policies.get("gold"), gold);
  });

  it("has a default for all but schedule and retention", () => {
    const gold: Policy = {
      ...builtIn,
      name: "gold",
      schedule: { kind: "daily", at: "02:00" },
      retentionMs: 30 * dayMs,
      catchUp: "once",
    };
    assert.deepEqual(book(simple).policies.get("gold"), gold);
    const short = book("policies: {a: {schedule: {express: 6h}, retention: {age: 8h}}}").policies.get("a");
    assert.equal(short?.minimumRetentionMs, dayMs / 3);
    const counted = book("policies: {a: {schedule: {express: 6h}, retention: {last: 4}}}").policies.get("a");
    assert.deepEqual([counted?.retentionMs, counted?.minimumRetentionMs, counted?.thinning?.last], [0, dayMs, 4]);
  });

  it("reads every form of a schedule", () => {
    const cases: readonly (readonly [string, Policy["schedule"]])[] = [
      ["{express: 8h}", { kind: "every", periodMs: dayMs / 3 }],
      ["{every: 2d}", { kind: "every", periodMs: 2 * dayMs }],
      ["{daily: 02:30}", { kind: "daily", at: "02:30" }],
      ["{weekly: {day: monday}}", { kind: "weekly", weekDay: 1, at: "00:00" }],
      ["{monthly: {day: 31, at: 01:00}}", { kind: "monthly", day: 31, at: "01:00" }],
      ["{yearly: {month: 2, day: 29}}", { kind: "yearly", month: 2, day: 29, at: "00:00" }],
      ["{cron: '0 2 * * 1-5'}", { kind: "cron", expression: "0 2 * * 1-5" }],
      [
        "{interval: {every: 36h, from: 2026-01-01T00:00:00Z}}",
        { kind: "interval", everyMs: 1.5 * dayMs, anchor: new Date("2026-01-01T00:00:00Z") },
      ],
    ];
    for (const [yaml, want] of cases) {
      const { policies } = book(`policies: {gold: {schedule: ${yaml}, retention: {age: 30d}}}`);
      assert.deepEqual(policies.get("gold")?.schedule, want);
    }
  });

  it("says everything that is wrong at once, with place, key and what is allowed", () => {
    const problems = problemsOf(() =>
      book(`
policies:
  gold:
    schedule: {weekly: {day: sundey}}
    retention: {age: 30 days}
    mechansim: backup
  daily_5: {}
  snapsentry-daily: {}
  default: {}
  Gold: {schedule: {daily: "02:00"}, retention: {last: 1}}
rules:
  - name: x
    match: {}
    policies: [glod, gold]
exclusions:
  - reason: because
polices: {}
`),
    );
    assert.deepEqual(problems, [
      "/p.yaml:17:1: polices is not a known key (value: {}); did you mean policies?",
      '/p.yaml:6:5: policies.gold.mechansim is not a known key (value: "backup"); did you mean policies.gold.mechanism?',
      '/p.yaml:5:17: policies.gold.retention.age is "30 days"; allowed: a duration such as 90s, 15min, 6h, 1d or 2w3d (units y, mon, w, d, h, min, s, in this order)',
      '/p.yaml:4:25: policies.gold.schedule.weekly.day is "sundey"; allowed: one of monday, tuesday, wednesday, thursday, friday, saturday, sunday',
      "/p.yaml:7:3: policies.daily_5 is a policy that there always is; give yours another name",
      "/p.yaml:8:3: policies.snapsentry-daily is kept for volumes with SnapSentry's metadata; give yours another name",
      "/p.yaml:9:3: policies.default is a policy that there always is; give yours another name",
      "/p.yaml:10:3: policies.Gold is not a name for a policy; allowed: a word of lower-case letters, digits, _ and -, at most 64",
      '/p.yaml:14:16: rules[0].policies[0] is not a policy there is (value: "glod"); did you mean gold?',
      "/p.yaml:16:5: exclusions[0] names nothing; allowed: exactly one of volume, server, project, with its id",
    ]);
  });

  it("says what a policy's keys say together", () => {
    const schedule = "schedule: {daily: '02:00'}";
    const retention = "retention: {age: 30d}";
    const at = "/p.yaml";
    const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
      [
        [schedule],
        [
          `${at}:2:3: policies.gold.retention keeps nothing; allowed: at least one of age, last, hourly, daily, weekly, monthly, yearly`,
        ],
      ],
      [
        [schedule, "retention: {minimum_keep: 3}"],
        [
          `${at}:4:5: policies.gold.retention keeps nothing; allowed: at least one of age, last, hourly, daily, weekly, monthly, yearly`,
        ],
      ],
      [
        [retention],
        [
          `${at}:2:3: policies.gold.schedule is missing; allowed: one of express, every, daily, weekly, monthly, yearly, cron, interval`,
        ],
      ],
      [
        ["schedule: {daily: '02:00', cron: 0 2 * * *}", retention],
        [
          `${at}:3:5: policies.gold.schedule has daily and cron; allowed: exactly one of express, every, daily, weekly, monthly, yearly, cron, interval`,
        ],
      ],
      [
        ["schedule: {}", retention],
        [
          `${at}:3:5: policies.gold.schedule says nothing; allowed: exactly one of express, every, daily, weekly, monthly, yearly, cron, interval`,
        ],
      ],
      [
        ["schedule: {hourly: 1}", retention],
        [
          `${at}:3:16: policies.gold.schedule.hourly is not a known key (value: 1); known here: express, every, daily, weekly, monthly, yearly, cron, interval`,
        ],
      ],
      [
        ["schedule: {yearly: {month: 2, day: 30}}", retention],
        [`${at}:3:16: policies.gold.schedule.yearly will not do: day 30 is none; allowed: 1 to 29 in month 2`],
      ],
      [
        ["schedule: {monthly: {at: '25:00'}}", retention],
        [
          `${at}:3:16: policies.gold.schedule.monthly.day is missing; allowed: a whole number from 1 to 31`,
          `${at}:3:26: policies.gold.schedule.monthly.at is "25:00"; allowed: a time of day in quotes, from "00:00" to "23:59"`,
        ],
      ],
      [
        ["schedule: {interval: {every: 36h, from: 2026-02-31T00:00:00Z}}", retention],
        [
          `${at}:3:39: policies.gold.schedule.interval.from is "2026-02-31T00:00:00Z" (there is no such day or time); allowed: an instant with a zone, such as 2026-12-01T06:00:00Z`,
        ],
      ],
      [
        [schedule, retention, "window: 25h"],
        [`${at}:5:5: policies.gold.window is longer than a slot; allowed: at most 1d`],
      ],
      [
        [schedule, retention, "window: 1h", "jitter: 1h"],
        [`${at}:6:5: policies.gold.jitter is as long as the window; allowed: less than 1h`],
      ],
      [
        [schedule, retention, "minimum_retention: 31d"],
        [
          `${at}:5:5: policies.gold.minimum_retention is longer than policies.gold.retention.age (30d); allowed: at most that`,
        ],
      ],
      [
        [schedule, retention, "mechanism: snapshot", "full_every: 2", "container: c"],
        [
          `${at}:6:5: policies.gold.full_every is about backups, and the policy makes snapshots; take it out`,
          `${at}:7:5: policies.gold.container is about backups, and the policy makes snapshots; take it out`,
        ],
      ],
      [
        [schedule, retention, "container: vault", "archive: {every: 2, container: vault, retention: 20d}"],
        [
          `${at}:6:5: policies.gold.archive.container is policies.gold.container, too; archives need another one`,
          `${at}:6:5: policies.gold.archive.retention is no longer than policies.gold.retention.age (30d); allowed: more than that`,
        ],
      ],
    ];
    for (const [lines, want] of cases) assert.deepEqual(ofGold(...lines), want, lines.join("; "));
    assert.deepEqual(
      problemsOf(() => book("policies: [gold]")),
      ['/p.yaml:1:1: policies is ["gold"]; allowed: a map'],
    );
    assert.deepEqual(
      problemsOf(() => book("- a\n")),
      ["/p.yaml:1:1: must be a map with the keys policies, rules, exclusions"],
    );
    assert.deepEqual(
      problemsOf(() => book("policies: {gold: [\n")),
      [
        "/p.yaml:2:1: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
        "/p.yaml:2:1: not valid YAML: Flow map in block collection must be sufficiently indented and end with a }",
      ],
    );
  });
});

describe("rules in our format", () => {
  it("are read with everything they may match", () => {
    const { rules } = book(`${simple}
rules:
  - name: everything at once
    priority: 5
    match:
      domain: {name: retail}
      project: {id: [p1, p2], tag: prod}
      server: {name: {prefix: db-, glob: ["*-1", "*-2"]}, metadata: {class: A}}
      volume:
        size: {min: 10, max: 100}
        bootable: false
        metadata: {backup: true, team: {contains: red}}
      any:
        - volume: {type: fast}
        - not: {volume: {encrypted: true}}
    policies: [gold, daily_5]
    retention: {gold: 60d, daily_5: 9}
    continue: true
  - name: the rest
    match: {}
    exclude: true
`);
    const text = (field: string, by: string, ...anyOf: string[]): object => ({
      kind: "text",
      field,
      test: { by, anyOf },
    });
    const metadata = (of: string, key: string, by: string, ...anyOf: string[]): object => ({
      kind: "metadata",
      of,
      key,
      test: { by, anyOf },
    });
    assert.deepEqual(rules, [
      {
        name: "everything at once",
        priority: 5,
        match: {
          kind: "all",
          of: [
            text("domain.name", "equals", "retail"),
            text("project.id", "equals", "p1", "p2"),
            text("project.tag", "equals", "prod"),
            text("server.name", "prefix", "db-"),
            text("server.name", "glob", "*-1", "*-2"),
            metadata("server", "class", "equals", "A"),
            { kind: "size", minimum: 10, maximum: 100 },
            { kind: "flag", field: "bootable", is: false },
            metadata("volume", "backup", "equals", "true"),
            metadata("volume", "team", "contains", "red"),
            {
              kind: "any",
              of: [
                text("volume.type", "equals", "fast"),
                { kind: "not", of: { kind: "flag", field: "encrypted", is: true } },
              ],
            },
          ],
        },
        effect: {
          kind: "attach",
          policies: ["gold", "daily_5"],
          retention: new Map<string, object>([
            ["gold", { retentionMs: 60 * dayMs }],
            ["daily_5", { last: 9 }],
          ]),
          continue: true,
        },
      },
      { name: "the rest", priority: 1000, match: { kind: "all", of: [] }, effect: { kind: "exclude" } },
    ]);
  });

  it("say what is wrong with them", () => {
    const a = "/p.yaml:3:5: rules[0]";
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ["- {match: {}, policies: gold}", [`${a}.name is missing; allowed: a text of 1 to 128 characters in one line`]],
      ["- {name: a, policies: gold}", [`${a}.match is missing; allowed: a match, or {} for everything there is`]],
      [
        "- {name: a, match: {}}",
        [`${a} does nothing; allowed: policies, retention with continue: true, or exclude: true`],
      ],
      [
        "- {name: a, match: {}, retention: {gold: 40d}}",
        [`${a} attaches no policy and ends the search; allowed: policies, continue: true, or exclude`],
      ],
      [
        "- {name: a, match: {}, policies: gold, exclude: true}",
        ["/p.yaml:3:26: rules[0].policies means nothing beside exclude: true; take one of them out"],
      ],
      [
        "- {name: a, match: {volumes: {name: x}}, policies: gold}",
        [
          '/p.yaml:3:23: rules[0].match.volumes is not a known key (value: {"name":"x"}); did you mean rules[0].match.volume?',
        ],
      ],
      [
        "- {name: a, match: {volume: {nmae: x}}, policies: gold}",
        [
          '/p.yaml:3:32: rules[0].match.volume.nmae is not a known key (value: "x"); did you mean rules[0].match.volume.name?',
        ],
      ],
      [
        "- {name: a, match: {volume: {name: web-*}}, policies: gold}",
        [
          '/p.yaml:3:32: rules[0].match.volume.name is "web-*" (write {glob: web-*} for a pattern, {equals: web-*} for exactly this text); allowed: a text',
        ],
      ],
      [
        "- {name: a, match: {volume: {name: {contains: ''}}}, policies: gold}",
        [
          '/p.yaml:3:39: rules[0].match.volume.name.contains is "" (an empty text would match everything); allowed: a text with at least one character',
        ],
      ],
      [
        "- {name: a, match: {volume: {size: {min: 9, max: 8}}}, policies: gold}",
        ["/p.yaml:3:32: rules[0].match.volume.size can never hold: 9 GiB is more than 8 GiB"],
      ],
      [
        "- {name: a, match: {volume: {}, any: []}, policies: gold}",
        [
          "/p.yaml:3:23: rules[0].match.volume says nothing; allowed: any of id, name, type, size, bootable, encrypted, status, availability_zone, metadata",
          "/p.yaml:3:35: rules[0].match.any is an empty list; allowed: a list of at least one match",
        ],
      ],
      [
        "- {name: a, match: {}, policies: gold, retention: {gold: 5h}}",
        ['/p.yaml:3:54: rules[0].retention.gold is "5h"; allowed: at least the policy\'s minimum_retention, 1d'],
      ],
      [
        "- {name: a, match: {}, policies: gold, retention: {gold: 0}}",
        [
          "/p.yaml:3:54: rules[0].retention.gold is 0; allowed: an age such as 30d, or a number of the newest that are kept (a whole number from 1 to 10000)",
        ],
      ],
      [
        "- {name: a, match: {}, auto_snapshot: false}",
        [
          "/p.yaml:3:26: rules[0].auto_snapshot is not a known key (value: false); it is Platform9's: a file whose name ends in .json is read in its format",
          `${a} does nothing; allowed: policies, retention with continue: true, or exclude: true`,
        ],
      ],
    ];
    for (const [line, want] of cases) assert.deepEqual(ofRules(line), want, line);
    assert.deepEqual(ofRules("- {name: a, match: {}, policies: gold}", "- {name: a, match: {}, exclude: true}"), [
      "/p.yaml:4:5: rules[1] has the name of the rule at /p.yaml:3:5; give it another one",
    ]);
  });

  it("do not complain about a policy that is wrong itself", () => {
    const problems = problemsOf(() =>
      book("policies: {gold: {schedule: {daily: '02:00'}}}\nrules: [{name: a, match: {}, policies: gold}]"),
    );
    assert.equal(problems.length, 1);
  });
});

describe("exclusions", () => {
  it("take ids and texts as they are written, also where YAML would make numbers of them", () => {
    const { exclusions, rules } = book(`
exclusions: [{project: 00000000000000000000000000000012, reason: x}]
rules: [{name: a, match: {project: {id: [12345678901234567890123456789012, 1e10]}, volume: {metadata: {v: 1.10, on: True}}}, exclude: true}]
`);
    assert.equal(exclusions[0]?.id, "00000000000000000000000000000012");
    const of = rules[0]?.match.kind === "all" ? rules[0].match.of : [];
    assert.deepEqual(
      of.map((match) => (match.kind === "text" || match.kind === "metadata" ? match.test.anyOf : [])),
      [["12345678901234567890123456789012", "1e10"], ["1.10"], ["True"]],
    );
  });

  it("need an id and a reason, and may end", () => {
    const { exclusions } = book(`
exclusions:
  - {volume: v1, reason: scratch}
  - {server: s1, reason: moves away, until: 2026-10-25}
  - {project: p1, reason: demo, until: 2026-12-31T06:00:00Z}
`);
    assert.deepEqual(exclusions, [
      { scope: "volume", id: "v1", reason: "scratch", until: null },
      // To the end of the day in Berlin, whose clocks go back on it.
      { scope: "server", id: "s1", reason: "moves away", until: new Date("2026-10-25T23:00:00Z") },
      { scope: "project", id: "p1", reason: "demo", until: new Date("2026-12-31T06:00:00Z") },
    ]);
    const until =
      "a day such as 2026-12-31, which counts to its end, or an instant with a zone, such as 2026-12-31T06:00:00Z";
    assert.deepEqual(
      problemsOf(() =>
        book("exclusions:\n  - {volume: v1}\n  - {volume: a b, server: s1, reason: x, until: 2026-02-30}\n"),
      ),
      [
        "/p.yaml:2:5: exclusions[0].reason is missing; allowed: a text of 1 to 255 characters in one line",
        "/p.yaml:3:5: exclusions[1] names volume and server; allowed: exactly one of volume, server, project, with its id",
        '/p.yaml:3:6: exclusions[1].volume is "a b"; allowed: an id',
        `/p.yaml:3:42: exclusions[1].until is "2026-02-30" (there is no such day); allowed: ${until}`,
      ],
    );
  });
});

describe("rules in Platform9's format", () => {
  const path = "/rules.json";
  const platform9 = (value: unknown): PolicyBook => book(simple, { path, text: JSON.stringify(value) });
  const ofMatch = (match: object): readonly string[] =>
    problemsOf(() => platform9([{ name: "a", match, policies: ["gold"] }])).map((problem) =>
      problem.replace(/^\S+ rules\[0\]\.match\.?/, ""),
    );
  const matches = (match: object, volume: Parameters<typeof aVolume>[1], project = "shop"): boolean =>
    assignByRules(platform9([{ name: "a", match, policies: ["gold"] }]).rules, {
      volume: aVolume("v1", volume),
      server: null,
      project: { id: "p1", name: project, domainId: "d1", domainName: "retail", tags: [] },
    }).matched.length > 0;

  it("does what its document's two-rule file says, as it is written", () => {
    const text = readFileSync(new URL("../../../test/unit/support/platform9-rules.json", import.meta.url), "utf8");
    const { rules } = book("", { path, text });
    const assigned = (tenant: string): readonly string[] | string => {
      const { excludedBy, policies } = assignByRules(rules, {
        volume: aVolume("v1"),
        server: null,
        project: { id: "p1", name: tenant, domainId: "d1", domainName: null, tags: [] },
      });
      return excludedBy ?? policies.map(({ policy }) => policy);
    };
    assert.equal(assigned("lab"), "Exclude lab / playground tenants");
    assert.equal(assigned("playground"), "Exclude lab / playground tenants");
    assert.deepEqual(assigned("lab2"), ["daily_5", "monthly_1st", "monthly_15th"]);
    const [, all] = rules;
    assert.ok(all?.effect.kind === "attach");
    assert.deepEqual(
      all.effect.retention,
      new Map([
        ["daily_5", { last: 5 }],
        ["monthly_1st", { last: 1 }],
        ["monthly_15th", { last: 1 }],
      ]),
    );
  });

  it("adds the policies of all rules that match, and lets the lower number set a retention", () => {
    const { rules } = platform9([
      { name: "long", priority: 20, match: {}, policies: ["gold"], retention: { daily_5: 9 } },
      { name: "first", priority: 10, match: {}, policies: ["daily_5"], auto_snapshot: true, retention: { daily_5: 3 } },
    ]);
    const { policies, retention } = assignByRules(rules, {
      volume: aVolume("v1"),
      server: null,
      project: { id: "p1", name: null, domainId: null, domainName: null, tags: [] },
    });
    assert.deepEqual(policies, [
      { policy: "daily_5", rule: "first" },
      { policy: "gold", rule: "long" },
    ]);
    assert.deepEqual(retention, new Map([["daily_5", { override: { last: 3 }, rule: "first" }]]));
  });

  it("matches by every documented key", () => {
    const cases: readonly (readonly [object, Parameters<typeof aVolume>[1], boolean])[] = [
      [{ tenant_name: ["shop", "x"] }, {}, true],
      [{ tenant_name: "Shop" }, {}, false],
      [{ domain_name: "retail" }, {}, true],
      [{ domain_name: "d1" }, {}, false],
      [{ volume_name: ["db", "web-*"] }, { name: "web-1" }, true],
      [{ volume_name: "db" }, { name: "db-1" }, false],
      [{ volume_name_prefix: "db" }, { name: "db-1" }, true],
      [{ volume_name_contains: ["x", "-1"] }, { name: "db-1" }, true],
      [{ volume_name_contains: "v1" }, { name: "" }, false],
      [{ volume_type: "fast" }, { volumeType: null }, false],
      [{ size_gb: { min: 10, max: 20 } }, { sizeGiB: 20 }, true],
      [{ size_gb: { max: 20 } }, { sizeGiB: 21 }, false],
      [{ min_size_gb: 10, max_size_gb: 20 }, { sizeGiB: 9 }, false],
      [{ min_size_gb: 10 }, { sizeGiB: 10 }, true],
      [{ bootable: true }, { bootable: true }, true],
      [{ bootable: "false" }, { bootable: true }, false],
      [{ metadata_equals: { a: "x", b: 5 } }, { metadata: { a: "x", b: "5" } }, true],
      [{ metadata_equals: { a: "x", b: 5 } }, { metadata: { a: "x" } }, false],
      [{ metadata_equals: { a: "None" } }, { metadata: {} }, false],
      [{ metadata_equals: { a: true } }, { metadata: { a: "True" } }, true],
      [{ metadata_contains: { a: ["x", "y"] } }, { metadata: { a: "..y.." } }, true],
      [{ metadata_contains: { a: "x" } }, { metadata: {} }, false],
    ];
    for (const [match, volume, want] of cases) {
      assert.equal(matches(match, volume), want, `${JSON.stringify(match)} ${JSON.stringify(volume)}`);
    }
  });

  it("refuses what would match everything, or nothing", () => {
    const empty = 'is "" (an empty text would match everything); allowed: a text with at least one character';
    const cases: readonly (readonly [object, readonly string[]])[] = [
      [{ volumename: "x" }, ['volumename is not a known key (value: "x"); did you mean rules[0].match.volume_name?']],
      [{ project_name: "x" }, ['project_name is not a known key (value: "x"); here it is tenant_name']],
      [{ metadata_contains: { a: "" } }, [`metadata_contains.a ${empty}`]],
      [{ volume_name_prefix: ["a", ""] }, [`volume_name_prefix[1] ${empty}`]],
      [{ tenant_name: [] }, ["tenant_name is an empty list; take it out, or say what it is to hold"]],
      [
        { metadata_equals: { a: null } },
        ["metadata_equals.a is nothing; allowed: a text; leave the key out if nothing is to be said"],
      ],
      [{ size_gb: 5 }, ["size_gb is 5; allowed: a map with the keys min, max"]],
      [{ min_size_gb: -1 }, ["min_size_gb is -1; allowed: a whole number of at least 0"]],
      [{ bootable: "no" }, ['bootable is "no"; allowed: true or false']],
    ];
    for (const [match, want] of cases) assert.deepEqual(ofMatch(match), want, JSON.stringify(match));
  });

  it("refuses rules that contradict themselves, and retentions that keep nothing", () => {
    const whole = (rule: object): readonly string[] =>
      problemsOf(() => platform9([{ name: "a", match: {}, ...rule }])).map((problem) => problem.replace(/^\S+ /, ""));
    assert.deepEqual(whole({ auto_snapshot: false, policies: ["gold"] }), [
      "rules[0].policies attaches policies, and auto_snapshot: false excludes; take one of them out",
    ]);
    assert.deepEqual(whole({ policies: [] }), [
      "rules[0] does nothing; allowed: policies, retention, or auto_snapshot: false",
    ]);
    assert.deepEqual(whole({ policies: ["weekly_4"] }), [
      'rules[0].policies[0] is not a policy there is (value: "weekly_4"); known here: default, daily_5, monthly_1st, monthly_15th, gold',
    ]);
    assert.deepEqual(whole({ policies: ["gold"], retention: { gold: 0, daily_5: -1 } }), [
      "rules[0].retention.gold is 0; allowed: a whole number from 1 to 10000",
      "rules[0].retention.daily_5 is -1; allowed: a whole number from 1 to 10000",
    ]);
    assert.deepEqual(whole({ policies: ["gold"], continue: true }), [
      "rules[0].continue is not a known key (value: true); it is ours: a file whose name ends in .yaml is read as ours",
    ]);
    assert.deepEqual(
      problemsOf(() => book("", { path, text: "{}" })),
      ["/rules.json:1:1: must be a list of rules"],
    );
  });
});

describe("etc/policies.yaml", () => {
  it("is good as it is", () => {
    const path = new URL("../../../etc/policies.yaml", import.meta.url).pathname;
    const { policies, rules, exclusions } = book(readFileSync(path, "utf8"));
    assert.deepEqual([...policies.keys()].slice(4), ["gold", "quick", "books"]);
    assert.deepEqual(
      rules.map(({ name }) => name),
      ["no labs", "accounting", "databases", "all that boots"],
    );
    assert.equal(exclusions.length, 2);
  });
});

describe("the version of what the files say", () => {
  it("changes with their contents, not with their names", () => {
    const of = (policies: string, rules: string | null, path = "/a.yaml"): string | null =>
      readPolicyBook(
        { policies: { path, text: policies }, rules: rules === null ? null : { path: "/r.yaml", text: rules } },
        defaults,
      ).version ?? "";
    assert.equal(of("", null), of("", null, "/b.yaml"));
    assert.equal(new Set([of("", null), of("# x", null), of("", ""), of("", "# x")]).size, 4);
    assert.match(of("", null) ?? "", /^[0-9a-f]{16}$/);
  });
});
