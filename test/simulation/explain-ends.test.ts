import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { Volume } from "../../src/simulator/records.ts";
import { openCommandCloud } from "./support/command-cloud.ts";

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;

interface Point {
  readonly id: string;
  readonly policy: string | null;
  readonly status: string;
  readonly action: string;
  readonly reason: string;
  readonly wouldGo: string | null;
  readonly keptUntil: string | null;
  readonly adopted: boolean;
  readonly duplicateOf: string | null;
}
interface Explained {
  readonly volume: { readonly id: string; readonly status: string };
  readonly policies: readonly {
    readonly policy: string;
    readonly current: readonly { readonly state: string; readonly reason: string | null }[];
  }[];
  readonly blocked: string | null;
  readonly braked: { readonly overdue: number; readonly allowance: number } | null;
  readonly points: readonly Point[];
  readonly prune: {
    readonly delete: readonly { readonly backupId: string }[];
    readonly keep: readonly { readonly backupId: string; readonly reason: string; readonly message: string }[];
  } | null;
}

/** Six volumes of one server, backed up in full each night and kept for three days. */
async function start(
  t: TestContext,
  { nights = 1, retention = "3d", settings = {} }: { nights?: number; retention?: string; settings?: object } = {},
) {
  const directory = await mkdtemp(join(tmpdir(), "dirigent-explain-"));
  const files: Record<string, string> = {
    "/etc/dirigent/dirigent.yaml": JSON.stringify({
      database: { url: `sqlite:${join(directory, "state.db")}` },
      policy: { full_every: 1, retention, minimum_retention: "1d" },
      ...settings,
    }),
  };
  const cloud = await openCommandCloud("2026-11-01T03:00:00Z", files);
  t.after(async () => {
    await cloud.close();
    await rm(directory, { recursive: true });
  });
  const { clock, run, simulator } = cloud;
  const project = simulator.seed.project({ name: "shop" });
  const server = simulator.seed.server({ projectId: project.id, name: "web-1", metadata: { backup: "yes" } });
  const volumes = Array.from({ length: 6 }, (_, i) =>
    simulator.seed.volume({ projectId: project.id, name: `data-${i}`, serverId: server.id }),
  );
  for (let night = 0; night < nights; night += 1) {
    if (night > 0) clock.advance(dayMs);
    const ran = await run("conductor", "--once");
    assert.equal(ran.exitCode, 0, ran.stderr);
  }
  const explain = async (text: string): Promise<readonly Explained[]> => {
    const { exitCode, stdout, stderr } = await run("explain", text, "--json");
    assert.equal(exitCode, 0, stderr);
    return (JSON.parse(stdout) as { readonly volumes: readonly Explained[] }).volumes;
  };
  const explainOne = async ({ id }: Pick<Volume, "id">): Promise<Explained> => {
    const [volume] = await explain(id);
    assert.ok(volume !== undefined);
    return volume;
  };
  const words = async (text: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await run("explain", text);
    assert.equal(exitCode, 0, stderr);
    assert.ok(stdout.split("\n").every((line) => line.length <= 100));
    // Lines that go on.
    return stdout.replaceAll(/\n {7,}/g, " ");
  };
  return { ...cloud, project, server, volumes: volumes as [Volume, ...Volume[]], explain, explainOne, words };
}

const judged = ({ points }: Explained) => points.map(({ action, reason, wouldGo }) => [action, reason, wouldGo]);

void describe("dirigent explain, of what ends", () => {
  void it("says what the next rotation deletes, and why", async (t) => {
    const { clock, explainOne, volumes, words } = await start(t, { nights: 2 });
    clock.advance(3 * dayMs);
    const said = await explainOne(volumes[0]);
    assert.deepEqual(
      [said.blocked, judged(said)],
      [
        null,
        [
          ["delete", "expired", null],
          ["keep", "keep_newest_good", null],
        ],
      ],
    );
    assert.match(
      await words(volumes[0].id),
      /goes: its chain has expired; its own time ended 2026-11-04 03:47\n.*\n.*kept: the newest good chain of the volume; its own/,
    );
  });

  void it("says what waits for its turn, as all volumes of the project have the same bound", async (t) => {
    const { clock, explain } = await start(t, { nights: 4 });
    clock.advance(3 * dayMs);
    const all = (await explain("web-1")).flatMap(judged).map(String);
    const count = (what: string): number => all.filter((each) => each === what).length;
    assert.deepEqual(
      ["delete,expired,", "keep,keep_pace,expired", "keep,keep_newest_good,"].map(count),
      [10, 2, 6],
      all.join("\n"),
    );
  });

  void it("says that the brake holds back what would go, and by how much", async (t) => {
    const { clock, explainOne, project, volumes, words } = await start(t, { nights: 4 });
    clock.advance(40 * dayMs);
    const said = await explainOne(volumes[0]);
    assert.deepEqual(
      [said.blocked, said.braked, judged(said)],
      [
        "brake",
        { projectId: project.id, overdue: 12, allowance: 10 },
        [...Array.from({ length: 2 }, () => ["keep", "brake", "expired"]), ["keep", "keep_newest_good", null]],
      ],
    );
    const text = await words(volumes[0].id);
    assert.match(
      text,
      /nothing would be deleted: more would be deleted than a normal night explains: 12 overdue, 10 may\s+go in 24 hours; rotation\.brake_overrides allows more for project/,
    );
    assert.match(text, /waits: its chain has expired; not now: more would be deleted than a normal night explains;/);
  });

  void it("says that a partial scan or a clock that jumped holds it back", async (t) => {
    const { clock, explainOne, run, simulator, volumes, words } = await start(t, { nights: 3, retention: "60h" });
    const held = async () => {
      const said = await explainOne(volumes[0]);
      return [said.blocked, judged(said)[0]];
    };
    clock.advance(14 * hourMs);
    assert.deepEqual(await held(), [null, ["delete", "expired", null]]);
    const hidden = volumes.slice(4);
    for (const { id } of hidden) simulator.state.volumes.delete(id);
    assert.deepEqual(await held(), ["partial_scan", ["keep", "partial_scan", "expired"]]);
    assert.match(
      await words(volumes[0].id),
      /nothing would be deleted: the scan was incomplete\n[^]*waits: its chain has expired; not now: the scan was incomplete; its own time ended/,
    );
    for (const volume of hidden) simulator.state.volumes.add(volume);
    const ran = await run("run", "--only", "create");
    assert.equal(ran.exitCode, 0, ran.stderr);
    clock.jump(-hourMs / 2);
    assert.deepEqual(await held(), ["clock_jump", ["keep", "clock_jump", "expired"]]);
  });

  void it("says that rotation is off", async (t) => {
    const { words, volumes } = await start(t, { settings: { rotation: { enabled: false } } });
    assert.match(await words(volumes[0].id), /nothing is deleted: rotation\.enabled is false/);
  });

  void it("of a volume that is gone says what is left, what is kept until when, and what a prune would take", async (t) => {
    const { clock, explain, explainOne, project, simulator, volumes, words } = await start(t, { nights: 2 });
    const [{ id }] = volumes;
    simulator.state.volumes.delete(id);
    const said = await explainOne(volumes[0]);
    const [first, last] = said.points;
    assert.deepEqual(
      [said.volume, said.policies, judged(said), said.prune?.delete, said.prune?.keep.map(({ reason }) => reason)],
      [
        { id, name: null, status: "gone", sizeGiB: null },
        [],
        [
          ["keep", "keep_age", null],
          ["keep", "keep_age", null],
        ],
        [],
        ["keep_age", "keep_age"],
      ],
    );
    const text = await words(id);
    assert.match(text, /^VOLUME .*\n {2}of shop, gone: Cinder does not list it\n\n {2}Nothing protects it any more/);
    assert.match(text, /kept: younger than its retention, until 2026-11-04 03:47\n/);
    assert.match(
      text,
      new RegExp(`dirigent prune --gone {2}would delete nothing of it\\n {4}${first?.id} {2}stays: younger than`),
    );
    // Its server still says that it has it.
    assert.deepEqual((await explain("web-1")).map(({ volume }) => volume.status).sort(), [
      "gone",
      ...Array.from({ length: 5 }, () => "in-use"),
    ]);
    clock.advance(5 * dayMs);
    const later = await explainOne(volumes[0]);
    assert.deepEqual(
      [judged(later), later.prune?.keep, later.prune?.delete.map(({ backupId }) => backupId)],
      [
        [
          ["delete", "expired", null],
          ["keep", "keep_last_of_gone", null],
        ],
        [],
        [first?.id, last?.id],
      ],
    );
    assert.match(await words(id), /dirigent prune --gone {2}would delete 2 of them\n$/);
    assert.equal(project.name, "shop");
  });
});
