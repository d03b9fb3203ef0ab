import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { environmentOf } from "../../config/testing.ts";
import { runCommandLine } from "../testing.ts";
import { doctorPolicyCommand } from "./doctor-policy.ts";
import { doctorCommand } from "./doctor.ts";

const shippedFile = join(import.meta.dirname, "..", "..", "..", "etc", "cinder", "policy.d", "dirigent-zed.yaml");

interface Finding {
  readonly id: string;
  readonly level: string;
}

describe("dirigent doctor policy, without a cloud", () => {
  /** Answers as a hook whose only conductor is `writer`, on the two paths of Cinder's rules; anything else it does not know. */
  let hook: Server;
  let origin: string;
  let config: string;

  before(async () => {
    hook = createServer((request, response) => {
      void text(request).then((body) => {
        const form = new URLSearchParams(body);
        const target = JSON.parse(form.get("target") ?? "{}") as { metadata?: Record<string, string> };
        const credentials = JSON.parse(form.get("credentials") ?? "{}") as { user_id?: string };
        const automated = target.metadata?.["__automated_backup"] === "True";
        const isKnown = /^\/v1\/(backup|snapshot)$/.test(request.url ?? "");
        response.end(isKnown && (!automated || credentials.user_id === "writer") ? "True" : "False");
      });
    });
    hook.listen(0, "127.0.0.1");
    await once(hook, "listening");
    origin = `http://127.0.0.1:${(hook.address() as AddressInfo).port}`;
    config = 'policy_hook: { conductor_user_ids: ["writer"] }';
  });

  after(() => void hook.close());

  const run = async (args: readonly string[], files: Readonly<Record<string, string>> = {}) => {
    const ran = await runCommandLine(["doctor", "policy", ...args, "--json"], {
      commands: [doctorCommand, doctorPolicyCommand],
      environment: environmentOf({ files: { "/etc/dirigent/dirigent.yaml": config, ...files } }),
    });
    const found = ran.stdout === "" ? [] : (JSON.parse(ran.stdout) as { findings: readonly Finding[] }).findings;
    return { ...ran, found: found.map(({ level, id }) => `${level} ${id}`) };
  };

  it("wants something to check", async () => {
    assert.equal((await run([])).exitCode, 2);
    assert.equal((await run(["--admin", "a"])).exitCode, 2);
    assert.equal((await run(["--hook", "127.0.0.1:8808"])).exitCode, 2);
    assert.equal((await run(["--cinder-conf", "/nowhere"])).exitCode, 10);
  });

  it("reads Cinder's files, and asks the hook that they name", async () => {
    const rules = readFileSync(shippedFile, "utf8").replaceAll("http://127.0.0.1:8808", origin);
    const files = { "/etc/cinder/cinder.conf": "[DEFAULT]\n", "/etc/cinder/policy.d/dirigent-zed.yaml": rules };
    const { exitCode, found } = await run(["--cinder-conf", "/etc/cinder/cinder.conf"], files);
    assert.deepEqual(
      { exitCode, found },
      {
        exitCode: 0,
        found: [
          "ok rules.guarded",
          "warning rules.volume-delete",
          "ok hook.address",
          "ok hook.address",
          "ok hook.answers",
          "ok hook.answers",
        ],
      },
    );
  });

  it("asks the hook that it is given", async () => {
    assert.deepEqual((await run(["--hook", `${origin}/v1/backup`])).found, ["ok hook.address", "ok hook.answers"]);
    // A wrong path: denied to everybody, the conductor included.
    const wrong = await run(["--hook", `${origin}/v1/backups`]);
    const denied = ["ok hook.address", "failed hook.answers", "failed hook.answers"];
    assert.deepEqual([wrong.exitCode, wrong.found], [1, denied]);
    config = 'policy_hook: { conductor_user_ids: ["another"] }';
    const stranger = await run(["--hook", `${origin}/v1/backup`]);
    assert.deepEqual([stranger.exitCode, stranger.found], [1, ["ok hook.address", "failed hook.answers"]]);
    const nobody = await run(["--hook", "http://127.0.0.1:1/v1/backup"]);
    assert.deepEqual([nobody.exitCode, nobody.found], [1, ["ok hook.address", "failed hook.answers"]]);
  });
});
