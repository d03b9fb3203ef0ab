import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Email } from "postal-mime";
import { Cloud, STATE } from "./support/cloud.ts";
import { makeReader, makeWriter } from "./support/credentials.ts";
import { install, type Installation } from "./support/dirigent.ts";
import { startMailbox, type Mailbox } from "./support/mailbox.ts";
import { until } from "./support/wait.ts";
import { removeWorld, seed, type World } from "./support/world.ts";

const limits = { global: 60, per_project: 60, per_pool: 60, per_backup_service: 60 };
/** Keystone reads it again when it changes. */
const keystonePolicy = join(STATE, "conf", "keystone", "policy.yaml");
const membersPolicy = join(import.meta.dirname, "..", "..", "etc", "keystone-policy-members.yaml");

interface ListedReport {
  readonly id: string;
  readonly kind: "project" | "run";
  readonly name: string;
  readonly deliveries: { readonly queued: number; readonly sent: number; readonly failed: number };
}

describe("a night's digests on a real cloud, at a mail server that is none of ours", () => {
  const prefix = "digest";
  let cloud: Cloud;
  let world: World;
  let mailbox: Mailbox;
  let dirigent: Installation;
  let directory: string;
  let policyBefore: string;
  /** Volumes that the night backs up, by project name. */
  let due: ReadonlyMap<string, number>;
  const ops = "ops@cloud.example.org";
  const addressOf = (project: string): string => `${project}@tenants.example.org`;

  before(async () => {
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    world = await seed(cloud, { prefix, servers: 8, volumesEach: 2, projects: 4, share: 1 });
    const writer = await makeWriter(cloud, prefix);
    const reader = await makeReader(cloud, prefix);
    policyBefore = await readFile(keystonePolicy, "utf8");
    await writeFile(keystonePolicy, `${policyBefore}\n${await readFile(membersPolicy, "utf8")}`);
    mailbox = await startMailbox();
    directory = await mkdtemp(join(tmpdir(), "dirigent-digest-"));
    dirigent = await install(directory, { reader, writer });
    await dirigent.configure({
      limits,
      policy: { name: "daily", period: "1d" },
      mail: {
        host: "127.0.0.1",
        port: mailbox.port,
        tls: "off",
        from: "Backup <backup@cloud.example.org>",
        operators: [ops],
        project_address: "{PROJECT_NAME}@tenants.example.org",
        members: true,
        timeout: "10s",
      },
    });
    // One project may hold two backups only, one volume cannot be backed up at all, one member has an address.
    const [full = "", broken = "", , peopled = ""] = Object.keys(world.projects).sort();
    const tenantQuota = { quota_set: { backups: 2 } };
    await cloud.admin.call("PUT", "volumev3", `/os-quota-sets/${world.projects[full]!}`, tenantQuota);
    const victim = world.servers.find(({ project }) => project === world.projects[broken])!.volumes[0]!;
    const status = { "os-reset_status": { status: "error" } };
    await cloud.admin.call("POST", "volumev3", `/volumes/${victim}/action`, status);
    const { users } = await cloud.admin.call<{ users: { id: string; name: string }[] }>("GET", "identity", "/users");
    const member = users.find(({ name }) => name === peopled)!;
    const email = { user: { email: "eve@people.example.org" } };
    await cloud.admin.call("PATCH", "identity", `/users/${member.id}`, email);
    const volumesOf = (id: string): number =>
      world.servers.filter(({ project }) => project === id).reduce((n, { volumes }) => n + volumes.length, 0);
    due = new Map(Object.entries(world.projects).map(([name, id]) => [name, volumesOf(id)]));
  });

  after(async () => {
    await writeFile(keystonePolicy, policyBefore);
    await removeWorld(cloud, prefix);
    await mailbox.remove();
    await rm(directory, { recursive: true, force: true });
  });

  const mailTo = async (address: string): Promise<Email> => {
    const found = (await mailbox.mails()).filter(({ to }) => to === address);
    assert.equal(found.length, 1, `mails to ${address}`);
    return found[0]!.mail;
  };

  it("a night over 4 projects, with the mail server away, makes its backups and queues its digests", async () => {
    await mailbox.stop();
    const { code, stderr } = await dirigent.json("conductor", "--once");
    assert.equal(code, 3, stderr);
    const { value } = await dirigent.json("report", "list");
    const listed = value as ListedReport[];
    assert.deepEqual(
      listed
        .filter(({ kind }) => kind === "project")
        .map(({ name }) => name)
        .sort(),
      [...due.keys()].sort(),
    );
    // To the project's address each, the member's where there is one, and to operators.
    const queued = listed.reduce((n, { deliveries }) => n + deliveries.queued, 0);
    assert.deepEqual([queued, listed.filter(({ deliveries }) => deliveries.failed > 0)], [6, []]);
  });

  it("what was queued arrives when a conductor finds the mail server again: to each project its own, and nobody else's", async () => {
    await mailbox.restart();
    // Nothing of the slot is left to do, so this run has nothing to tell; the attempts that failed are due again after a minute.
    const nothingWaits = async (): Promise<boolean> => {
      const { code, stderr } = await dirigent.run("conductor", "--once");
      assert.equal(code, 0, stderr);
      const { value } = await dirigent.json("report", "list");
      return (value as ListedReport[]).every(({ deliveries }) => deliveries.queued === 0);
    };
    await until("all has arrived", nothingWaits, { timeoutMs: 150_000, everyMs: 5000 });
    const names = [...due.keys()].sort();
    const receivers = (await mailbox.mails()).map(({ to }) => to).sort();
    assert.deepEqual(receivers, [...names.map(addressOf), ops, "eve@people.example.org"].sort());
    for (const name of names) {
      const { html = "", text = "" } = await mailTo(addressOf(name));
      for (const part of [html, text]) {
        assert.ok(part.includes(name));
        for (const other of names.filter((each) => each !== name))
          assert.ok(!part.includes(other), `${name}: ${other}`);
      }
    }
    const [, , , peopled = ""] = names;
    assert.ok((await mailTo("eve@people.example.org")).text?.includes(peopled));
  });

  it("each digest tells what happened to its project", async () => {
    const [full = "", broken = "", good = ""] = [...due.keys()].sort();
    const fullMail = await mailTo(addressOf(full));
    const volumes = due.get(full)!;
    assert.match(fullMail.subject ?? "", new RegExp(`^${full}: ${volumes - 2} of ${volumes} volumes not backed up`));
    assert.match(fullMail.text ?? "", /The project's backup quota is exceeded\./);
    assert.match(fullMail.text ?? "", /Number of backups: 2 of 2 \(100\.0%\) \[RED\]/);
    const brokenMail = await mailTo(addressOf(broken));
    assert.match(brokenMail.subject ?? "", new RegExp(`^${broken}: 1 of ${due.get(broken)!} volumes not backed up`));
    assert.match(brokenMail.text ?? "", /The volume was in a state that does not allow a backup\./);
    const goodMail = await mailTo(addressOf(good));
    assert.match(goodMail.subject ?? "", new RegExp(`^${good}: All ${due.get(good)!} volumes backed up`));
    assert.equal(goodMail.text?.match(/^\[OK\]/gm)?.length, due.get(good)!);
    assert.match(goodMail.text ?? "", new RegExp(`Restore points: +${due.get(good)!}\n`));
  });

  it("operators get one digest of the whole run", async () => {
    const { html = "", subject = "", text = "" } = await mailTo(ops);
    assert.match(subject, /^Backup: \d+ of 16 volumes not backed up/);
    for (const name of due.keys()) for (const part of [html, text]) assert.ok(part.includes(name), name);
    assert.match(text, /the project's backup quota is exceeded/);
  });

  it("a report can be sent again: the same, under an id that tells so", async () => {
    const { value } = await dirigent.json("report", "list");
    const [, , good = ""] = [...due.keys()].sort();
    const first = await mailTo(addressOf(good));
    const { id } = (value as ListedReport[]).find(({ name }) => name === good)!;
    const { code, stderr } = await dirigent.json("report", "send", id);
    assert.equal(code, 0, stderr);
    const both = (await mailbox.mails()).filter(({ to }) => to === addressOf(good)).map(({ mail }) => mail);
    const again = both.find(({ messageId }) => messageId !== first.messageId)!;
    assert.deepEqual([again.html, again.text, again.subject], [first.html, first.text, first.subject]);
    assert.equal(again.messageId, first.messageId?.replace("@", ".again-1@"));
    assert.equal(again.inReplyTo, first.messageId);
  });

  it("a report can be shown, and saved as HTML", async () => {
    const { value } = await dirigent.json("report", "list");
    const [first] = value as ListedReport[];
    const file = join(directory, "digest.html");
    const { code, stdout } = await dirigent.run("report", "show", first!.id, "--html", file, "--text");
    assert.equal(code, 0);
    assert.match(stdout, /volumes/);
    assert.match(await readFile(file, "utf8"), /^<!doctype html>/i);
  });
});
