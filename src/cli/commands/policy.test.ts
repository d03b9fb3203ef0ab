import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { formOf, formType, markedTarget, recordedCheck, recordedTarget } from "../../api/policy-hook/testing.ts";
import { environmentOf } from "../../config/testing.ts";
import { runCommandLine, type Ran } from "../testing.ts";
import { policyCommand } from "./policy.ts";

const commands = [policyCommand];
const base = { conductor_user_ids: ["writer"], port: 0, metrics: { port: 0 } };

describe("dirigent policy", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "dirigent-policy-"));
  });
  after(() => rm(directory, { recursive: true }));

  const run = (policyHook: object, world = {}): Promise<Ran> =>
    runCommandLine(["policy"], {
      commands,
      environment: environmentOf({
        files: { "/etc/dirigent/dirigent.yaml": JSON.stringify({ policy_hook: policyHook }) },
      }),
      world,
    });

  /** Runs the command until `work` is through, which is given the two ports. */
  async function whileRunning(
    policyHook: object,
    work: (port: number, metrics: number) => Promise<void>,
  ): Promise<Ran> {
    const stop = new AbortController();
    const ready = Promise.withResolvers<readonly number[]>();
    let log = "";
    const stderr = {
      isTerminal: false,
      write: (line: string) => {
        log += line;
        const { ports } = JSON.parse(line) as { ports?: number[] };
        if (ports !== undefined) ready.resolve(ports);
      },
    };
    const ran = run({ ...base, ...policyHook }, { firstSignal: stop.signal, stderr });
    const ended = ran.then(({ stderr }) => Promise.reject(new Error(`it ended: ${stderr}${log}`)));
    const [port = 0, metrics = 0] = await Promise.race([ready.promise, ended]);
    ended.catch(() => undefined); // it ends when it is told to
    try {
      await work(port, metrics);
    } finally {
      stop.abort();
    }
    return { ...(await ran), stderr: log };
  }

  const check = async (port: number, target: object): Promise<string> => {
    const body = formOf({ ...recordedCheck, target });
    const headers = { "content-type": formType };
    const response = await fetch(`http://127.0.0.1:${port}/v1/backup`, { method: "POST", headers, body });
    return `${response.status} ${await response.text()}`;
  };
  const get = async (port: number, path: string): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return `${response.status} ${await response.text()}`;
  };

  it("answers checks, tells its health, counts on a listener of its own, and stops when it is told to", async () => {
    const disableFile = join(directory, "disabled");
    const ran = await whileRunning({ disable_file: disableFile }, async (port, metrics) => {
      assert.equal(await check(port, recordedTarget), "200 True");
      assert.equal(await check(port, markedTarget), "401 False");
      assert.equal(await get(port, "/healthcheck"), "200 OK");
      await writeFile(disableFile, "");
      assert.equal(await get(port, "/healthcheck"), "503 DISABLED BY FILE");
      assert.equal(await check(port, recordedTarget), "200 True");
      assert.equal(await get(port, "/metrics"), "404 False");
      const text = await get(metrics, "/metrics");
      assert.match(text, /^dirigent_policy_checks_total\{object="backup",answer="allow",reason="not_automated"\} 2$/m);
      assert.match(text, /^dirigent_policy_checks_total\{object="backup",answer="deny",reason="automated"\} 1$/m);
      assert.match(text, /^dirigent_policy_check_duration_seconds_count 3$/m);
      assert.match(await get(metrics, "/v1/backup"), /^404 /);
    });
    assert.deepEqual([ran.exitCode, ran.stdout], [0, ""]);
    const denied = ran.stderr.split("\n").find((line) => line.includes('"msg":"denied"'));
    const { level, time, ...fields } = JSON.parse(denied ?? "{}") as Record<string, unknown>;
    assert.deepEqual([level, typeof time], ["info", "string"]);
    assert.deepEqual(fields, {
      rule: "backup:delete",
      object: "backup",
      id: recordedTarget.id,
      userId: recordedTarget.user_id,
      projectId: recordedTarget.project_id,
      reason: "automated",
      msg: "denied",
    });
  });

  it("denies, and says so, while its catalogue is missing; follows the file when it comes", async () => {
    const path = join(directory, "catalogue");
    await whileRunning({ catalogue: { file: path } }, async (port) => {
      assert.equal(await check(port, recordedTarget), "401 False");
      assert.match(await get(port, "/healthcheck"), /^503 the catalogue file cannot be read: ENOENT/);
    });
    const now = new Date().toISOString();
    await writeFile(path, `dirigent-catalogue 1 ${now}\nbackup other v -\nend 1\n`);
    await whileRunning({ catalogue: { file: path } }, async (port) => {
      assert.equal(await check(port, recordedTarget), "200 True");
      assert.equal(await check(port, { ...recordedTarget, id: "other" }), "401 False");
      assert.equal(await get(port, "/healthcheck"), "200 OK");
    });
    assert.match(await readFile(path, "utf8"), /^dirigent-catalogue/);
  });

  const refusals: readonly (readonly [string, object, RegExp])[] = [
    ["without a conductor", { conductor_user_ids: [] }, /conductor_user_ids is empty/],
    [
      "with half of TLS",
      { ...base, tls: { key_file: "/k" } },
      /certificate_file and policy_hook\.tls\.key_file go together/,
    ],
    ["guarding volumes blindly", { ...base, guard_volume_delete: true }, /guard_volume_delete needs to know/],
    [
      "with two catalogues",
      { ...base, catalogue: { file: "/f", database_url: "mysql://u:p@h/d" } },
      /exclude each other/,
    ],
    [
      "with the conductor's SQLite file",
      { ...base, catalogue: { database_url: "sqlite:/d" } },
      /only its conductor may open/,
    ],
    ["with a key that is not there", { ...base, tls: { key_file: "/k", certificate_file: "/c" } }, /\/c: no such file/],
  ];
  for (const [name, settings, message] of refusals) {
    it(`does not start ${name}`, async () => {
      const ran = await run(settings);
      assert.deepEqual([ran.exitCode, ran.stdout], [10, ""]);
      assert.match(ran.stderr, message);
    });
  }

  it("does not start with a password in a file that others may read", async () => {
    const settings = { policy_hook: { ...base, catalogue: { database_url: "mysql://hook:secret@127.0.0.1:1/d" } } };
    const path = "/etc/dirigent/dirigent.yaml";
    const start = (mode: number): Promise<Ran> =>
      runCommandLine(["policy"], {
        commands,
        environment: environmentOf({ files: { [path]: JSON.stringify(settings) }, modes: { [path]: mode } }),
        world: { firstSignal: AbortSignal.abort() },
      });
    const refused = await start(0o644);
    assert.equal(refused.exitCode, 10);
    assert.match(refused.stderr, /dirigent\.yaml: holds a secret and can be read by everybody/);
    assert.equal((await start(0o600)).exitCode, 0);
  });

  it("says why it cannot listen", async () => {
    await whileRunning({}, async (port) => {
      const ran = await run({ ...base, port });
      assert.equal(ran.exitCode, 1);
      assert.match(ran.stderr, /cannot listen as policy_hook says: .*EADDRINUSE/);
    });
  });

  it("warns when it answers in plain HTTP beyond the machine", async () => {
    const ran = await whileRunning({ address: "0.0.0.0" }, async () => undefined);
    assert.match(ran.stderr, /"level":"warn".*plain HTTP beyond this machine/);
  });
});
