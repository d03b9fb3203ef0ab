import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter } from "./support/credentials.ts";
import type { Credential } from "./support/credentials.ts";
import { install } from "./support/dirigent.ts";
import { removeWorld, seed } from "./support/world.ts";

interface Finding {
  readonly id: string;
  readonly level: string;
  readonly message: string;
}

describe("dirigent doctor on a real cloud", () => {
  const prefix = "doctor";
  let cloud: Cloud;
  let scratch: string;
  let reader: Credential;
  let writer: Credential;
  let projectId: string;

  before(async () => {
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    scratch = await mkdtemp(join(tmpdir(), "dirigent-doctor-"));
    const world = await seed(cloud, { prefix, servers: 1, volumesEach: 1, projects: 1, share: 1 });
    projectId = world.servers[0]!.project;
    reader = await makeReader(cloud, prefix);
    writer = await makeWriter(cloud, prefix);
  });

  after(async () => {
    await removeWorld(cloud, prefix);
    await rm(scratch, { recursive: true });
  });

  const examine = async (credentials: { reader: Credential; writer: Credential }) => {
    const dirigent = await install(join(scratch, "installation"), credentials);
    const { code, value } = await dirigent.json("doctor");
    const { findings } = value as { findings: readonly Finding[] };
    const levels = Object.fromEntries(findings.map(({ id, level }) => [id, level]));
    return { code, levels, message: (id: string) => findings.find((each) => each.id === id)?.message ?? "" };
  };

  it("finds the two accounts of docs/privileges.md in order", async () => {
    const { code, levels, message } = await examine({ reader, writer });
    assert.equal(code, 0, JSON.stringify(levels));
    const known = ["reader.login", "writer.login", "writer.admin", "reader.servers", "reader.backups", "reader.rules"];
    const services = ["writer.projects", "nova.version", "cinder.version", "cinder.backup-services", "clock"];
    for (const id of [...known, ...services]) assert.equal(levels[id], "ok", `${id}: ${message(id)}`);
    // A new installation has no database yet, and the suites' settle time is a short one.
    assert.deepEqual([levels["database.schema"], levels["settle-time"]], ["warning", "warning"]);
  });

  it("tells whether Keystone's policy and service_token_roles_required hold the reader to its rules, by trying", async () => {
    const asShipped = await examine({ reader, writer });
    // The cloud has etc/keystone-policy.yaml and service_token_roles_required = true.
    assert.equal(asShipped.levels["reader.keystone"], "ok", asShipped.message("reader.keystone"));
    assert.equal(asShipped.levels["reader.service-token"], "ok", asShipped.message("reader.service-token"));
    // Without the role that the policy takes rights from, Keystone lets the reader at its users, whatever its access rules say.
    const open = await makeReader(cloud, `${prefix}-open`, { roles: ["admin"] });
    const { code, levels, message } = await examine({ reader: open, writer });
    assert.equal(code, 0);
    assert.equal(levels["reader.keystone"], "warning");
    assert.match(message("reader.keystone"), /Keystone does not apply access rules to itself/);
    assert.equal(levels["reader.rules"], "ok", "in Nova and Cinder the rules hold");
  });

  it("finds a reader without the role admin, which Cinder answers 200", async () => {
    const member = await makeReader(cloud, `${prefix}-member`, { roles: ["member"] });
    const { code, levels } = await examine({ reader: member, writer });
    assert.equal(code, 1);
    assert.equal(levels["reader.login"], "ok");
    assert.equal(levels["reader.servers"], "failed");
    assert.notEqual(levels["reader.backups"], "ok");
  });

  it("finds a reader that is not bound by rules, and a writer without a role in a project", async () => {
    const unbound = await makeReader(cloud, `${prefix}-unbound`, { rules: null });
    // A user with a role in a project of its own only.
    const { code, levels, message } = await examine({ reader: unbound, writer: { ...writer, ...demoWriter() } });
    assert.equal(code, 1);
    assert.equal(levels["reader.rules"], "warning");
    assert.equal(levels["writer.projects"], "failed");
    assert.ok(message("writer.projects").includes(projectId), message("writer.projects"));
  });

  it("ends with 12 when a credential is not accepted, and does not try it over and over", async () => {
    const wrong = { ...writer, entry: { ...writer.entry, auth: { ...writer.entry.auth, password: "wrong" } } };
    const { code, levels } = await examine({ reader, writer: wrong });
    assert.equal(code, 12);
    assert.equal(levels["writer.login"], "failed");
    assert.equal(levels["writer.projects"], undefined);
  });

  /** The cloud's user demo, member of the project demo. */
  const demoWriter = (): Pick<Credential, "entry"> => ({ entry: cloud.entries["demo"]! });
});
