import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { globSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { conductorMetrics } from "../../src/api/metrics/conductor-metrics.ts";
import { settings } from "../simulation/support/night.ts";
import { virtualClock } from "../simulation/support/virtual-clock.ts";
import { mustRun } from "./support/processes.ts";

const rules = join(import.meta.dirname, "..", "..", "etc", "prometheus");

describe("the alert rules for Prometheus", () => {
  let scratch: string;
  let promtool: string;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), "dirigent-alerts-"));
    // Only the tool: the package itself would start a server.
    await mustRun("apt-get", ["download", "-qq", "prometheus"], { cwd: scratch });
    const [deb = ""] = globSync("prometheus_*.deb", { cwd: scratch });
    await mustRun("dpkg-deb", ["--extract", join(scratch, deb), scratch]);
    promtool = join(scratch, "usr", "bin", "promtool");
  });

  after(() => rm(scratch, { recursive: true }));

  it("promtool finds them in order, and they raise what they should and nothing else", async () => {
    await mustRun(promtool, ["check", "rules", "dirigent.rules.yml"], { cwd: rules });
    await mustRun(promtool, ["test", "rules", "dirigent.rules.test.yml"], { cwd: rules });
  });

  it("speak of metrics that there are, by the names that promtool accepts", async () => {
    const clock = virtualClock("2026-11-21T00:00:00Z");
    const { app } = conductorMetrics({
      version: "1.2.3",
      clock,
      settings: () => settings,
      projects: 500,
      deliveries: async () => [],
      serviceDate: () => clock.now(),
    });
    const text = await (await app.request("/metrics")).text();
    const known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    const used = (await readFile(join(rules, "dirigent.rules.yml"), "utf8")).matchAll(/\bdirigent_\w+/g);
    const unknown = [...used].map(([name]) => name).filter((name) => !known.has(name));
    assert.deepEqual(unknown, []);
  });
});
