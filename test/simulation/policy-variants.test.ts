import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { directIo } from "../../src/domain/io.ts";
import { openStore } from "../../src/store/open.ts";
import { openCommandCloud } from "./support/command-cloud.ts";

const policies = `
policies:
  gold: {mechanism: snapshot, schedule: {daily: "02:00"}, retention: {last: 5}}
rules:
  - {name: short, priority: 10, match: {volume: {name: {prefix: db-}}}, policies: gold, retention: {gold: 2}}
  - {name: all, priority: 20, match: {}, policies: gold}
`;

void it("volumes with a rule's own retention are protected night after night, and nobody is told that it ended", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "dirigent-variants-"));
  const url = `sqlite:${join(directory, "state.db")}`;
  const cloud = await openCommandCloud("2026-03-23T03:00:00Z", {
    "/etc/dirigent/dirigent.yaml": JSON.stringify({ database: { url }, policies: { file: "/policies.yaml" } }),
    "/policies.yaml": policies,
  });
  t.after(async () => {
    await cloud.close();
    rmSync(directory, { recursive: true });
  });
  const projectId = cloud.simulator.seed.project({ name: "shop" }).id;
  const volumes = [
    cloud.simulator.seed.volume({ projectId, name: "db-1" }).id,
    cloud.simulator.seed.volume({
      projectId,
      name: "web-1",
      metadata: { "x-snapsentry-managed": "true", "x-snapsentry-daily-enabled": "true" },
    }).id,
    cloud.simulator.seed.volume({
      projectId,
      name: "web-2",
      metadata: {
        "x-snapsentry-managed": "true",
        "x-snapsentry-daily-enabled": "true",
        "x-snapsentry-daily-retention-days": "9",
      },
    }).id,
  ];
  for (let night = 0; night < 4; night += 1) {
    if (night > 0) cloud.clock.advance(24 * 60 * 60 * 1000);
    const { exitCode, stderr } = await cloud.run("conductor", "--once");
    assert.equal(exitCode, 0, stderr);
  }
  const store = await openStore(url, { io: directIo });
  const notices = await store.operations({ kinds: ["notice"] });
  await store.close();
  assert.deepEqual(
    notices.filter(({ reason }) => reason === "protection_ended"),
    [],
  );
  const left = [...cloud.simulator.state.snapshots.values()].map(
    ({ volumeId, metadata }) => `${volumes.indexOf(volumeId)} ${metadata["dirigent:policy"] ?? ""}`,
  );
  const countOf = (text: string): number => left.filter((each) => each === text).length;
  assert.deepEqual(["0 gold", "1 gold", "2 gold", "2 snapsentry-daily"].map(countOf), [2, 4, 4, 4]);
});
