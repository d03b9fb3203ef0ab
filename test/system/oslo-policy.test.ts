import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { recordedCredentials, recordedTarget } from "../../src/api/policy-hook/testing.ts";
import { testCertificate, testKey } from "../client/certificate.ts";
import { startOsloPolicy, type OsloPolicy } from "./support/oslo-policy.ts";
import { startPolicyHook, type PolicyProcess } from "./support/policy-process.ts";

const writer = "1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c";
const marked = { __automated_backup: "True", "dirigent:key": "v/p/s" };

const targets = {
  "own backup": recordedTarget,
  "automated backup": { ...recordedTarget, user_id: writer, metadata: marked },
  "automated, marks lost": { ...recordedTarget, user_id: writer, metadata: {} },
  "forged mark": { ...recordedTarget, metadata: marked },
  "held backup": { ...recordedTarget, user_id: writer, metadata: { ...marked, "dirigent:hold": "x" } },
  // A name and metadata that are hard to encode.
  "own, odd text": { ...recordedTarget, display_name: 'Ü+%&="\\\n🦄', metadata: { "k&=%+ü": "\u0000\u2028'\"\\" } },
  "no metadata": { ...recordedTarget, metadata: null },
  // As Horizon evaluates the rule for a table.
  "no id": { project_id: recordedTarget.project_id },
};

const callers = {
  member: recordedCredentials,
  conductor: { ...recordedCredentials, user_id: writer },
  "conductor elsewhere": { ...recordedCredentials, user_id: writer, project_id: "0".repeat(32) },
  admin: {
    ...recordedCredentials,
    is_admin: true,
    roles: ["admin"],
    user_id: "a".repeat(32),
    project_id: "b".repeat(32),
  },
};

/** Delete and update, each true (T) or false (F). */
const table: Record<keyof typeof targets, Record<keyof typeof callers, string>> = {
  "own backup": { member: "TT", conductor: "TT", "conductor elsewhere": "TT", admin: "TT" },
  "automated backup": { member: "FF", conductor: "TT", "conductor elsewhere": "FF", admin: "FF" },
  "automated, marks lost": { member: "FF", conductor: "TT", "conductor elsewhere": "FF", admin: "FF" },
  "forged mark": { member: "FF", conductor: "TT", "conductor elsewhere": "FF", admin: "FF" },
  "held backup": { member: "FF", conductor: "FT", "conductor elsewhere": "FF", admin: "FF" },
  "own, odd text": { member: "TT", conductor: "TT", "conductor elsewhere": "TT", admin: "TT" },
  "no metadata": { member: "FF", conductor: "FF", "conductor elsewhere": "FF", admin: "FF" },
  "no id": { member: "FF", conductor: "FF", "conductor elsewhere": "FF", admin: "FF" },
};

const types = ["application/x-www-form-urlencoded", "application/json"];

describe("oslo.policy asks the policy hook", () => {
  let directory: string;
  let oslo: OsloPolicy;
  let plain: PolicyProcess;
  let secure: PolicyProcess;
  const certificate = (): string => join(directory, "tls.crt");
  const key = (): string => join(directory, "tls.key");
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "dirigent-oslo-"));
    await writeFile(certificate(), testCertificate);
    await writeFile(key(), testKey, { mode: 0o600 });
    oslo = startOsloPolicy();
    const conductor_user_ids = [writer];
    const tls = { certificate_file: certificate(), key_file: key(), client_ca_file: certificate() };
    [plain, secure] = await Promise.all([
      startPolicyHook({ conductor_user_ids }),
      startPolicyHook({ conductor_user_ids, tls }),
    ]);
  });
  after(async () => {
    await oslo.stop();
    await rm(directory, { recursive: true });
  });

  const verified = (): Record<string, string | boolean> => ({
    remote_ssl_verify_server_crt: true,
    remote_ssl_ca_crt_file: certificate(),
    remote_ssl_client_crt_file: certificate(),
    remote_ssl_client_key_file: key(),
  });

  for (const scheme of ["http", "https"] as const) {
    for (const type of types) {
      it(`by ${scheme}: with ${type}, and gets these answers`, async () => {
        const port = scheme === "http" ? plain.port : secure.port;
        const options = { remote_content_type: type, ...(scheme === "http" ? {} : verified()) };
        const got: Record<string, Record<string, string>> = {};
        for (const [object, target] of Object.entries(targets)) {
          got[object] = {};
          for (const [caller, credentials] of Object.entries(callers)) {
            let answers = "";
            for (const rule of ["backup:delete", "backup:update"]) {
              const check = `${scheme}://127.0.0.1:${port}/v1/backup`;
              const answer = await oslo.ask({ rule, check, target, credentials, options });
              answers += answer === true ? "T" : answer === false ? "F" : `[${answer}]`;
            }
            got[object][caller] = answers;
          }
        }
        assert.deepEqual(got, table);
      });
    }
  }

  const question = (
    check: string,
    options: Record<string, string | boolean> = {},
    target: object = recordedTarget,
  ) => ({
    rule: "backup:delete",
    check,
    target,
    credentials: recordedCredentials,
    options: { remote_content_type: "application/json", ...options },
  });

  it("with the id in the URL, as Staffeln's users have it", async () => {
    const check = `http://127.0.0.1:${plain.port}/v1/backup?backup_id=%(id)s`;
    assert.equal(await oslo.ask(question(check)), true);
    assert.equal(await oslo.ask(question(check, {}, targets["automated backup"])), false);
    // Why the shipped files have none: Horizon's targets have no id.
    assert.equal(await oslo.ask(question(check, {}, targets["no id"])), "KeyError");
  });

  it("and is denied wherever the rule points, if not to a check", async () => {
    for (const path of ["/", "/v1/health", "/healthcheck", "/v1/backup/", "/v1/backups", "/metrics", "/True"]) {
      assert.equal(await oslo.ask(question(`http://127.0.0.1:${plain.port}${path}`)), false, path);
    }
  });

  it("over https: only with the client's certificate, and trusts only the authority it is given", async () => {
    const check = `https://127.0.0.1:${secure.port}/v1/backup`;
    const { remote_ssl_client_crt_file, remote_ssl_client_key_file } = verified();
    const client = { remote_ssl_client_crt_file, remote_ssl_client_key_file } as Record<string, string>;
    assert.equal(await oslo.ask(question(check, verified())), true);
    // The default: the server is not verified, so that anybody in between could say yes.
    assert.equal(await oslo.ask(question(check, client)), true);
    assert.equal(await oslo.ask(question(check, { ...client, remote_ssl_verify_server_crt: true })), "SSLError");
    assert.match(String(await oslo.ask(question(check))), /^(SSLError|ConnectionError)$/);
  });

  it("and fails, which denies, when the hook is stopped; the hook ends in order", async () => {
    const check = `http://127.0.0.1:${plain.port}/v1/backup`;
    assert.equal(await plain.stop(), 0);
    assert.equal(await oslo.ask(question(check)), "ConnectionError");
    assert.equal(await secure.stop(), 0);
  });
});
