import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { environmentOf } from "../../config/testing.ts";
import { runCommandLine } from "../testing.ts";
import { configShow } from "./config-show.ts";

const environment = environmentOf({
  files: {
    "/etc/dirigent/dirigent.yaml":
      "database: { url: 'mysql://dirigent:hunter2@db/dirigent' }\npolicy:\n  retention: 30d\n",
    "/etc/dirigent/conf.d/a.yaml": "policy: { retention: 20d }\n",
  },
  variables: { DIRIGENT_POLICY_PERIOD: "1d" },
});

describe("config show", () => {
  it("tells values with the last place that set them, and no secret", async () => {
    const argv = ["--log-level", "warn", "--cloud", "prod", "config", "show", "--json"];
    const ran = await runCommandLine(argv, { commands: [configShow], environment });
    assert.equal(ran.exitCode, 0, ran.stderr);
    assert.deepEqual(JSON.parse(ran.stdout), [
      { key: "openstack.reader.cloud", value: "prod", source: "--cloud" },
      { key: "openstack.writer.cloud", value: "prod", source: "--cloud" },
      {
        key: "database.url",
        value: "mysql://dirigent:***@db/dirigent",
        source: "/etc/dirigent/dirigent.yaml:1:13",
      },
      { key: "policy.period", value: "1d", source: "DIRIGENT_POLICY_PERIOD" },
      { key: "policy.retention", value: "20d", source: "/etc/dirigent/conf.d/a.yaml:1:11" },
      { key: "log.level", value: "warn", source: "--log-level" },
    ]);
  });

  it("tells defaults when it is asked for all", async () => {
    const ran = await runCommandLine(["config", "show", "--all"], { commands: [configShow], environment });
    assert.match(ran.stdout, /^policy\.full_every +\d+ +default$/m);
    assert.ok(!ran.stdout.includes("hunter2"));
  });

  it("says what is wrong with a configuration that will not do", async () => {
    const wrong = environmentOf({ variables: { DIRIGENT_POLICY_PERIOD: "soon" } });
    const ran = await runCommandLine(["config", "show"], { commands: [configShow], environment: wrong });
    assert.deepEqual([ran.exitCode, ran.stdout], [10, ""]);
    assert.match(ran.stderr, /DIRIGENT_POLICY_PERIOD: policy\.period is "soon"/);
  });
});
