import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { eachWithFakeCloud, full, id, secret } from "../../../test/audit/harness.ts";
import { environmentOf } from "../../config/testing.ts";
import { runCommandLine } from "../testing.ts";
import { auditCommand } from "./audit.ts";

const harness = eachWithFakeCloud();

function audit(...argv: string[]) {
  const variables = {
    OS_AUTH_URL: harness.cloud.authUrl,
    OS_USERNAME: "admin",
    OS_PASSWORD: secret,
    OS_PROJECT_NAME: "admin",
    OS_USER_DOMAIN_NAME: "Default",
    OS_PROJECT_DOMAIN_NAME: "Default",
  };
  return runCommandLine(["audit", ...argv], { commands: [auditCommand], environment: environmentOf({ variables }) });
}
const logins = () => harness.sent("POST").length;

describe("dirigent audit", () => {
  it("passes", async () => {
    harness.cloud.backups = [full(1)];
    const { exitCode, stdout, stderr } = await audit("--user-id", "somebody", "--user-id", "else");
    assert.deepEqual([exitCode, stdout], [0, ""]);
    assert.equal(stderr, "Passed: failures 0, warnings 0, information 0 in 1 backups, 0 snapshots, 1 volumes.\n");
    assert.equal(logins(), 1);
  });

  it("fails when a rule is broken, and says which", async () => {
    harness.cloud.backups = [{ ...full(1), metadata: { "dirigent:set": "x" } }];
    const { exitCode, stdout, stderr } = await audit();
    assert.equal(exitCode, 1);
    assert.match(
      stdout,
      /^SEVERITY +CODE +PROJECT +FINDING\nfailure +marks-missing +p1 +backup .*: no __automated_backup, /,
    );
    assert.match(stderr, /^Failed: failures 1, /);
    // The writer's, too: nobody said who the conductor is.
    assert.equal(logins(), 2);
  });

  it("judges against an earlier listing, except for what was pruned", async () => {
    const folder = await mkdtemp(join(tmpdir(), "audit-"));
    try {
      const file = join(folder, "seen.json");
      const ours = { ...full(1), metadata: { __automated_backup: "True" } };
      harness.cloud.backups = [ours, full(2)];
      await audit("--save", file, "--user-id", "conductor");
      harness.cloud.backups = [full(2)];
      const codes = async (...argv: string[]) => {
        const { exitCode, stdout } = await audit("--json", "--before", file, "--user-id", "conductor", ...argv);
        const { findings, ...rest } = JSON.parse(stdout) as {
          findings: { code: string; backupIds: string[] }[];
          backups: number;
        };
        return [exitCode, rest.backups, ...findings.map((each) => [each.code, each.backupIds])];
      };
      const unmarked = ["unmarked", [id(2)]];
      assert.deepEqual(await codes(), [
        1,
        1,
        ["last-good-lost", [id(1)]],
        ["removed-without-promise", [id(1)]],
        unmarked,
      ]);
      assert.deepEqual(await codes("--pruned", id(1)), [0, 1, unmarked]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("ends with 12 when the login is refused, with 2 without the earlier listing, with 1 when Cinder is down", async () => {
    assert.equal((await audit("--before", "/nowhere/seen.json", "--user-id", "x")).exitCode, 2);
    harness.cloud.intercept = ({ method }) => (method === "GET" ? { status: 503 } : undefined);
    assert.equal((await audit()).exitCode, 1);
    harness.cloud.intercept = () => ({ status: 401 });
    assert.equal((await audit()).exitCode, 12);
  });
});
