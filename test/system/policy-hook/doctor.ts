import assert from "node:assert/strict";
import { join } from "node:path";
import { before, it } from "node:test";
import { STATE, type CloudEntry } from "../support/cloud.ts";
import { writeClouds } from "../support/credentials.ts";
import { backups, snapshots, volumes } from "../support/judge.ts";
import type { Stage } from "./stage.ts";

export function doctorTries(stage: () => Stage): void {
  interface Finding {
    readonly id: string;
    readonly level: string;
    readonly message: string;
  }

  before(async () => {
    const named = (entry: CloudEntry, userId: string) => ({ entry, userId, login: stage().writer.login });
    const project = {
      username: stage().memberName,
      project_name: stage().memberName,
      password: stage().cloud.password,
    };
    const domains = { user_domain_name: "Default", project_domain_name: "Default" };
    const entry = {
      auth: { auth_url: stage().cloud.authUrl, ...project, ...domains },
      region_name: stage().cloud.region,
    };
    await writeClouds(stage().directory, {
      reader: stage().reader,
      writer: stage().writer,
      member: named(entry, stage().member.userId),
      admin: named(stage().cloud.entries["admin"]!, stage().cloud.admin.userId),
    });
  });

  const examine = async (...args: readonly string[]) => {
    const { code, value, stderr } = await stage().dirigent.json("doctor", "policy", ...args);
    const { findings } = value as { findings: readonly Finding[] };
    const worries = findings.filter(({ level }) => level !== "ok").map(({ id, level }) => `${level} ${id}`);
    return { code, findings, worries, stderr };
  };
  const files = ["--cinder-conf", join(STATE, "conf", "cinder", "hook.conf")];
  const live = ["--member", "member", "--admin", "admin"];
  /** Of the whole cloud: nothing of a trial stays. */
  const everything = async () => [
    ...(await backups(stage().cloud.admin)).map(({ id }) => id),
    ...(await snapshots(stage().cloud.admin)).map(({ id }) => id),
    ...(await volumes(stage().cloud.admin)).map(({ id }) => id),
  ];

  it("finds all in order with the shipped file, and leaves nothing behind", async () => {
    const before = await everything();
    const { code, findings, worries } = await examine(...files, ...live);
    assert.deepEqual(
      { code, worries },
      { code: 0, worries: ["warning rules.volume-delete"] },
      JSON.stringify(findings),
    );
    assert.equal(findings.filter(({ id }) => id.startsWith("try.")).length, 17);
    assert.deepEqual(await everything(), before);
  });

  it("says what is not guarded, and leaves nothing behind", async () => {
    const before = await everything();
    await stage().takeOutPolicies();
    const { code, findings, worries } = await examine(...files, ...live);
    await stage().putInPolicies();
    assert.deepEqual(
      { code, worries },
      {
        code: 1,
        worries: [
          "failed rules.guarded",
          "warning rules.volume-delete",
          "failed try.member.automated.volume:update_snapshot",
          "failed try.member.automated.volume:update_snapshot_metadata",
          "failed try.member.automated.volume:delete_snapshot_metadata",
          "failed try.member.automated.volume:delete_snapshot",
          "failed try.member.automated.backup:update",
          "failed try.member.automated.backup:delete",
        ],
      },
      JSON.stringify(findings),
    );
    assert.deepEqual(await everything(), before);
  });

  it("says so when the hook does not know the writer, and when it does not answer", async () => {
    await stage().reconfigured({ conductor_user_ids: [stage().stranger.userId] }, async () => {
      const { code, worries } = await examine("--hook", `${stage().origin}/v1/backup`, ...live);
      const rotation = ["snapshot", "backup"].map((kind) =>
        kind === "backup"
          ? "failed try.writer.automated.backup:delete"
          : "failed try.writer.automated.volume:delete_snapshot",
      );
      assert.equal(code, 1);
      for (const id of [...rotation, "failed hook.answers"]) assert.ok(worries.includes(id), worries.join(", "));
    });
    await stage().stopHook();
    const { code, worries } = await examine(...files);
    await stage().startHook();
    assert.deepEqual(
      { code, worries },
      {
        code: 1,
        worries: ["warning rules.volume-delete", "failed hook.answers", "failed hook.answers"],
      },
    );
  });
}
