import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Volume } from "../../src/simulator/records.ts";
import { openCommandCloud, type CommandCloud } from "./support/command-cloud.ts";

void describe("subscribe and unsubscribe", () => {
  let cloud: CommandCloud;
  let volume: Volume;
  before(async () => {
    cloud = await openCommandCloud("2026-03-28T12:00:00Z");
  });
  after(() => cloud.close());

  /** A volume of another project than the credential's. */
  const newVolume = (): Volume => {
    const project = cloud.simulator.seed.project({ name: "tenant" });
    return cloud.simulator.seed.volume({ projectId: project.id, metadata: { mine: "stays" } });
  };
  const metadataOf = ({ id }: Volume) => cloud.simulator.state.volumes.get(id)?.metadata;

  for (const { name, options, metadata, nextSlots } of [
    {
      name: "daily",
      options: ["--start-time", "08:00", "--timezone", "Asia/Kolkata", "--retention", "1"],
      metadata: {
        "x-snapsentry-daily-enabled": "true",
        "x-snapsentry-daily-retention-days": "1",
        "x-snapsentry-daily-retention-type": "time",
        "x-snapsentry-daily-start-time": "08:00",
        "x-snapsentry-daily-timezone": "Asia/Kolkata",
      },
      nextSlots: ["2026-03-29T02:30:00.000Z", "2026-03-30T02:30:00.000Z", "2026-03-31T02:30:00.000Z"],
    },
    {
      name: "weekly",
      options: ["--timezone", "Europe/Berlin", "--start-time", "23:00", "--retention", "2", "--week-day", "sunday"],
      metadata: {
        "x-snapsentry-weekly-enabled": "true",
        "x-snapsentry-weekly-retention-days": "2",
        "x-snapsentry-weekly-retention-type": "time",
        "x-snapsentry-weekly-start-day-of-week": "sunday",
        "x-snapsentry-weekly-start-time": "23:00",
        "x-snapsentry-weekly-timezone": "Europe/Berlin",
      },
      nextSlots: ["2026-03-29T21:00:00.000Z", "2026-04-05T21:00:00.000Z", "2026-04-12T21:00:00.000Z"],
    },
    {
      name: "monthly",
      options: ["--timezone", "Europe/Berlin", "--start-time", "23:00", "--retention", "2", "--month-day", "1"],
      metadata: {
        "x-snapsentry-monthly-day-of-month": "1",
        "x-snapsentry-monthly-enabled": "true",
        "x-snapsentry-monthly-retention-days": "2",
        "x-snapsentry-monthly-retention-type": "time",
        "x-snapsentry-monthly-start-day-of-month": "1",
        "x-snapsentry-monthly-start-time": "23:00",
        "x-snapsentry-monthly-timezone": "Europe/Berlin",
      },
      nextSlots: ["2026-04-01T21:00:00.000Z", "2026-05-01T21:00:00.000Z", "2026-06-01T21:00:00.000Z"],
    },
    {
      name: "express",
      options: ["--timezone", "Europe/Berlin", "--retention", "2", "--interval-hours", "6"],
      metadata: {
        "x-snapsentry-express-enabled": "true",
        "x-snapsentry-express-interval-hours": "6",
        "x-snapsentry-express-retention-days": "2",
        "x-snapsentry-express-retention-type": "time",
        "x-snapsentry-express-timezone": "Europe/Berlin",
      },
      nextSlots: ["2026-03-28T17:00:00.000Z", "2026-03-28T23:00:00.000Z", "2026-03-29T05:00:00.000Z"],
    },
  ]) {
    void it(`writes SnapSentry's example of ${name}, beside what is there, and takes it off again`, async () => {
      volume = newVolume();
      const ran = await cloud.run("subscribe", name, ...options, "--volume-id", volume.id, "--json");
      assert.equal(ran.exitCode, 0, ran.stderr);
      const written = { ...metadata, "x-snapsentry-managed": "true" };
      assert.deepEqual(JSON.parse(ran.stdout), {
        policy: `snapsentry-${name}`,
        enabled: true,
        metadata: written,
        nextSlots,
        volumes: [{ id: volume.id, projectId: volume.projectId, error: null }],
      });
      assert.deepEqual(metadataOf(volume), { ...written, mine: "stays" });

      const off = await cloud.run("unsubscribe", name, "--volume-id", volume.id, "--json");
      assert.equal(off.exitCode, 0, off.stderr);
      assert.deepEqual(JSON.parse(off.stdout), {
        volumes: [
          {
            id: volume.id,
            projectId: volume.projectId,
            removed: [...Object.keys(metadata), "x-snapsentry-managed"],
            error: null,
          },
        ],
      });
      assert.deepEqual(metadataOf(volume), { mine: "stays" });
    });
  }

  void it("sends each write with a token of the volume's project", async () => {
    volume = newVolume();
    cloud.simulator.log.clear();
    await cloud.run("subscribe", "daily", "--volume-id", volume.id);
    const writes = cloud.simulator.log.entries.filter((row) => row.service === "block-storage" && row.method !== "GET");
    assert.deepEqual(
      writes.map(({ method, path, projectId, status }) => [method, path, projectId, status]),
      [["POST", `/v3/volumes/${volume.id}/metadata`, volume.projectId, 200]],
    );
  });

  void it("leaves the other policies when one of several is ended", async () => {
    volume = newVolume();
    await cloud.run("subscribe", "daily", "--volume-id", volume.id);
    await cloud.run("subscribe", "express", "--volume-id", volume.id, "--enabled=false");
    await cloud.run("unsubscribe", "daily", "--volume-id", volume.id);
    assert.deepEqual(Object.keys(metadataOf(volume) ?? {}).sort(), [
      "mine",
      "x-snapsentry-express-enabled",
      "x-snapsentry-express-interval-hours",
      "x-snapsentry-express-retention-days",
      "x-snapsentry-express-retention-type",
      "x-snapsentry-express-timezone",
      "x-snapsentry-managed",
    ]);
    await cloud.run("unsubscribe", "--all", "--volume-id", volume.id);
    assert.deepEqual(metadataOf(volume), { mine: "stays" });
  });

  for (const { name, argv, says } of [
    {
      name: "values",
      argv: ["weekly", "--retention", "0", "--week-day", "caturday", "--start-time", "25:00", "--enabled", "maybe"],
      says: [
        "--retention 0: must be a whole number of days, 1 to 36500",
        "--start-time 25:00: must be a time of day such as 23:00",
        "--week-day caturday: must be a day of the week such as sunday",
        "--enabled maybe: must be true or false",
      ],
    },
    { name: "an interval", argv: ["express", "--interval-hours", "5"], says: ["--interval-hours 5: must be 6, 8, 12"] },
    { name: "a day", argv: ["monthly", "--month-day", "32"], says: ["--month-day 32: must be 1 to 31"] },
    { name: "a zone", argv: ["daily", "--timezone", "Mars"], says: ["--timezone Mars: must be an IANA time zone"] },
    { name: "an option of another policy", argv: ["daily", "--week-day", "sunday"], says: ["unknown option"] },
  ]) {
    void it(`refuses ${name} that will not do before anything is written`, async () => {
      volume = newVolume();
      const ran = await cloud.run("subscribe", ...argv, "--volume-id", volume.id);
      assert.equal(ran.exitCode, 2);
      for (const words of says) assert.ok(ran.stderr.includes(words), ran.stderr);
      assert.deepEqual(metadataOf(volume), { mine: "stays" });
    });
  }

  void it("writes nothing when one of several volumes does not exist", async () => {
    volume = newVolume();
    const missing = "00000000-0000-4000-8000-000000000000";
    const ran = await cloud.run("subscribe", "daily", "--volume-id", volume.id, missing);
    assert.equal(ran.exitCode, 1);
    assert.match(ran.stderr, new RegExp(`there is no volume ${missing}; nothing was written`));
    assert.deepEqual(metadataOf(volume), { mine: "stays" });
  });

  void it("goes on with the others when one cannot be written", async () => {
    volume = newVolume();
    const other = newVolume();
    cloud.simulator.faults.add({
      method: "POST",
      path: new RegExp(volume.id),
      action: { kind: "answer", status: 400 },
    });
    const ran = await cloud.run("subscribe", "daily", "--volume-id", volume.id, "--volume-id", other.id, "--json");
    assert.equal(ran.exitCode, 3, ran.stderr);
    assert.deepEqual(metadataOf(volume), { mine: "stays" });
    assert.equal(metadataOf(other)?.["x-snapsentry-daily-enabled"], "true");
  });
});
