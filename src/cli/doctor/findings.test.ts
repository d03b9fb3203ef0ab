import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Examination, Problem, ProtectedProject } from "./examination.ts";
import { findings, isRefused } from "./findings.ts";

const grant = (...roles: string[]) => ({ value: { userId: "u", projectId: "p", roles } });
const problem = (kind: Problem["kind"], message = "why") => ({ problem: { kind, message } });

const project = (id: string, own: ProtectedProject["grant"]): ProtectedProject => ({
  id,
  project: { id, name: `name-${id}`, domainId: "default", domainName: "Default", enabled: true, tags: [] },
  grant: own,
});

const healthy: Examination = {
  oneCredential: false,
  verifiesCertificates: true,
  readerGrant: grant("admin", "backup-reader"),
  writerGrant: grant(),
  computeVersion: { value: { used: "2.93", needed: "2.9" } },
  blockStorageVersion: { value: { used: "3.70", needed: "3.56" } },
  servers: { value: { all: 5, tagged: 2 } },
  cinderRights: { value: { backups: "admin", volumes: "admin" } },
  backupServices: { value: [{ binary: "cinder-backup", host: "a", state: "up", status: "enabled" }] },
  needless: {
    users: { value: 403 },
    flavors: { value: 401 },
    volumeTypes: { value: 401 },
    volumeTypesAsService: { value: 401 },
  },
  projects: [project("p1", grant("member"))],
  clockAheadMs: { identity: 300, compute: -400, "block-storage": null },
  schema: { value: { applied: [], pending: [], newer: [] } },
  compression: { kind: "none" },
  settleTimeMs: 300_000,
  longestTimeoutMs: 60_000,
  tag: "backup",
};

/** What is not `ok`, as `level id`. */
const worries = (changes: Partial<Examination>): string[] =>
  findings({ ...healthy, ...changes }).flatMap(({ level, id }) => (level === "ok" ? [] : [`${level} ${id}`]));

const messageOf = (changes: Partial<Examination>, id: string) => {
  const found = findings({ ...healthy, ...changes }).filter((each) => each.id === id);
  return found.map(({ message, fix }) => `${message} ${fix ?? ""}`).join("\n");
};

describe("doctor", () => {
  it("has nothing to say about a healthy installation but what it looked at", () => {
    assert.deepEqual(
      findings(healthy).map(({ level, id, fix }) => [level, id, fix]),
      [
        "reader.login",
        "writer.login",
        "writer.admin",
        "reader.servers",
        "reader.backups",
        "reader.rules",
        "reader.service-token",
        "reader.keystone",
        "writer.projects",
        "nova.version",
        "cinder.version",
        "cinder.backup-services",
        "clock",
        "database.schema",
        "settle-time",
      ].map((id) => ["ok", id, null]),
    );
  });

  it("says how to mend everything that is not in order", () => {
    const service = { binary: "cinder-backup", host: "a", state: "down", status: "enabled" };
    const cases: readonly (readonly [string, Partial<Examination>, readonly string[]])[] = [
      [
        "wrong password of the writer",
        { writerGrant: problem("authentication"), projects: [] },
        ["failed writer.login"],
      ],
      ["one credential", { oneCredential: true }, ["warning writer.admin"]],
      ["writer is admin in a project", { projects: [project("p1", grant("admin"))] }, ["warning writer.admin"]],
      ["writer is admin by itself", { writerGrant: grant("admin") }, ["warning writer.admin"]],
      ["reader is no admin in Nova", { servers: problem("refused") }, ["failed reader.servers"]],
      ["nothing is tagged", { servers: { value: { all: 3, tagged: 0 } }, projects: [] }, ["warning reader.servers"]],
      [
        "reader is no admin in Cinder",
        { cinderRights: { value: { backups: "member", volumes: null } } },
        ["failed reader.backups"],
      ],
      [
        "so say the volumes",
        { cinderRights: { value: { backups: null, volumes: "member" } } },
        ["failed reader.backups"],
      ],
      ["no rows at all", { cinderRights: { value: { backups: null, volumes: null } } }, ["warning reader.backups"]],
      ["no backup, but a volume", { cinderRights: { value: { backups: null, volumes: "admin" } } }, []],
      ["a rule is missing", { cinderRights: problem("refused") }, ["failed reader.backups"]],
      ["no access rules", { needless: { ...healthy.needless, flavors: { value: 200 } } }, ["warning reader.rules"]],
      [
        "rules can be got round",
        { needless: { ...healthy.needless, volumeTypesAsService: { value: 200 } } },
        ["warning reader.service-token"],
      ],
      [
        "nobody could try whether they can be got round",
        { needless: { ...healthy.needless, volumeTypesAsService: problem("unavailable") } },
        ["warning reader.service-token"],
      ],
      [
        "nobody could try Keystone",
        { needless: { ...healthy.needless, users: problem("unavailable") } },
        ["warning reader.keystone"],
      ],
      ["compression that nobody can see", { compression: { kind: "unseen" } }, ["warning compression"]],
      ["Ceph gave no answer", { compression: { kind: "failed", message: "why" } }, ["warning compression"]],
      ["compression as configured", { compression: { kind: "seen", drift: [] } }, []],
      [
        "another compression than configured",
        { compression: { kind: "seen", drift: [{ name: "compression_mode", value: "force", live: null }] } },
        ["warning compression"],
      ],
      ["Keystone is open", { needless: { ...healthy.needless, users: { value: 200 } } }, ["warning reader.keystone"]],
      [
        "a project without a role",
        { projects: [...healthy.projects, project("p2", problem("no_access"))] },
        ["failed writer.projects"],
      ],
      [
        "an application credential as writer",
        { projects: [project("p2", problem("single_project"))] },
        ["failed writer.projects"],
      ],
      ["Keystone was away", { projects: [project("p2", problem("unavailable"))] }, ["failed writer.projects"]],
      ["Cinder is too old", { blockStorageVersion: problem("unfit") }, ["failed cinder.version"]],
      ["no backup service", { backupServices: { value: [] } }, ["failed cinder.backup-services"]],
      ["all are down", { backupServices: { value: [service] } }, ["failed cinder.backup-services"]],
      [
        "one is down",
        { backupServices: { value: [service, { ...service, state: "up" }] } },
        ["warning cinder.backup-services"],
      ],
      ["they cannot be listed", { backupServices: problem("refused") }, ["failed cinder.backup-services"]],
      ["the clock is 5 min ahead", { clockAheadMs: { ...healthy.clockAheadMs, identity: 301_000 } }, ["failed clock"]],
      ["the clock is 5 min behind", { clockAheadMs: { ...healthy.clockAheadMs, compute: -301_000 } }, ["failed clock"]],
      [
        "nobody tells the time",
        { clockAheadMs: { identity: null, compute: null, "block-storage": null } },
        ["warning clock"],
      ],
      ["certificates are not checked", { verifiesCertificates: false }, ["warning tls"]],
      [
        "no schema yet",
        { schema: { value: { applied: [], pending: ["0000_a"], newer: [] } } },
        ["warning database.schema"],
      ],
      [
        "a newer schema",
        { schema: { value: { applied: [], pending: [], newer: ["0009_z"] } } },
        ["failed database.schema"],
      ],
      ["the database is away", { schema: problem("other") }, ["failed database.schema"]],
      ["a short settle time", { settleTimeMs: 299_000 }, ["warning settle-time"]],
      ["a long timeout", { longestTimeoutMs: 151_000 }, ["warning settle-time"]],
    ];
    for (const [name, changes, want] of cases) {
      assert.deepEqual(worries(changes), want, name);
      for (const { level, fix } of findings({ ...healthy, ...changes }))
        assert.equal(level === "ok", fix === null, name);
    }
  });

  it("asks nothing of a reader that cannot log in", () => {
    const refused = problem("authentication");
    const seen: Partial<Examination> = {
      readerGrant: refused,
      servers: refused,
      cinderRights: refused,
      backupServices: refused,
      computeVersion: refused,
      blockStorageVersion: refused,
      projects: [],
    };
    assert.deepEqual(worries(seen), ["failed reader.login"]);
    assert.equal(isRefused({ ...healthy, ...seen }), true);
    assert.equal(isRefused({ ...healthy, readerGrant: problem("unavailable") }), false);
  });

  it("names projects, but not hundreds of them", () => {
    const projects = Array.from({ length: 12 }, (_, i) => project(`p${i}`, problem("no_access")));
    const message = messageOf({ projects }, "writer.projects");
    assert.match(message, /no role in 12 of 12 projects .*: name-p0 \(p0\), .*name-p9 \(p9\) and 2 more\./);
    assert.match(message, /--project 'name-p0' member/);
  });

  it("keeps a command whole whatever a project is called", () => {
    const odd = {
      id: "p1",
      project: { id: "p1", name: "a'; rm -rf", domainId: "d", domainName: null, enabled: true, tags: [] },
      grant: problem("no_access"),
    };
    assert.match(messageOf({ projects: [odd] }, "writer.projects"), /--project 'a; rm -rf' member/);
  });
});
