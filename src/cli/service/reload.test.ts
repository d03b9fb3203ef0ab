import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settingsFrom } from "../../config/load.ts";
import { compareSettings } from "./reload.ts";

describe("compareSettings", () => {
  it("tells what is in force at once from what waits for a restart, by the configuration's keys and without values", () => {
    const before = settingsFrom({ database: { url: "mysql://u:old@h/d" } });
    const after = settingsFrom({
      database: { url: "mysql://u:new@h/d" },
      openstack: { settle_time: "10min", page_size: 10 },
      conductor: { name: "other", backup_schedule: "*/10 * * * *" },
      policy: { full_every: 3 },
      selection: { tag_values: ["on"] },
      log: { level: "debug", format: "json" },
      metrics: { port: 9808 },
    });
    assert.deepEqual(compareSettings(before, after), {
      changed: [
        "conductor.backup_schedule",
        "log.level",
        "openstack.settle_time",
        "policy.full_every",
        "selection.tag_values",
      ],
      restart: ["conductor.name", "database.url", "log.format", "metrics.port", "openstack.page_size"],
    });
    const mail = { host: "mx", from: "d@example.com", operators: ["a@example.com"] };
    assert.deepEqual(
      compareSettings(
        settingsFrom({ mail }),
        settingsFrom({ mail: { ...mail, host: "my", operators: ["b@example.com"] } }),
      ),
      { changed: ["mail.operators"], restart: ["mail.host"] },
    );
    assert.deepEqual(compareSettings(after, after), { changed: [], restart: [] });
  });
});
