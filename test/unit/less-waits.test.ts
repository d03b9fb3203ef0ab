import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AskingCloud, promisedBy } from "./support/asking-cloud.ts";

/** Days promised to what is made on a day; `null` where nothing is made. */
const promisedOn = (cloud: AskingCloud, day: number): number | null => {
  const [job] = cloud.run(day);
  return job === undefined ? null : promisedBy(job).days;
};

void describe("less waits, although nothing was protected for a while", () => {
  /** The way out of protection and back again. */
  const ways: readonly { readonly name: string; readonly away: (cloud: AskingCloud, isAway: boolean) => void }[] = [
    { name: "untagged", away: (cloud, isAway) => (cloud.server = isAway ? {} : { backup: "yes" }) },
    { name: "detached", away: (cloud, isAway) => (cloud.attached = !isAway) },
    {
      name: "excluded by a rule that goes by its metadata",
      away: (cloud, isAway) => {
        cloud.volume = { ...cloud.volume, role: isAway ? "scratch" : "" };
      },
    },
    {
      name: "skipped",
      away: (cloud, isAway) => {
        cloud.volume = { ...cloud.volume, "skip-volume-backup": String(isAway) };
      },
    },
  ];
  for (const { name, away } of ways) {
    void it(`${name}, lowered, and back`, () => {
      const cloud = new AskingCloud();
      cloud.volume = { backup_retention: "60d" };
      assert.equal(promisedOn(cloud, 0), 60);
      away(cloud, true);
      assert.equal(promisedOn(cloud, 1), null);
      cloud.volume = { ...cloud.volume, backup_retention: "20d" };
      assert.equal(promisedOn(cloud, 2), null);
      away(cloud, false);
      assert.equal(promisedOn(cloud, 3), 60);
      assert.equal(promisedOn(cloud, 8), 60);
      // It was seen on the second day when only the volume was left out, else on the third.
      assert.equal(promisedOn(cloud, 10), 20);
      assert.deepEqual(cloud.remembered().length, 1);
    });
  }

  void it("the server's request is remembered, too", () => {
    const cloud = new AskingCloud();
    cloud.server = { backup: "yes", backup_retention: "60d" };
    assert.equal(promisedOn(cloud, 0), 60);
    cloud.server = { backup_retention: "60d" };
    assert.equal(promisedOn(cloud, 1), null);
    cloud.server = { backup: "yes", backup_retention: "20d" };
    assert.equal(promisedOn(cloud, 2), 60);
    assert.equal(promisedOn(cloud, 9), 20);
  });

  void it("what is protected no more is forgotten after the delay", () => {
    const cloud = new AskingCloud();
    cloud.volume = { backup_retention: "60d" };
    cloud.run(0);
    cloud.server = {};
    cloud.run(1);
    assert.deepEqual(cloud.remembered(), ["v1 backup_retention 60d@0", "v1 backup_retention @1"]);
    cloud.run(7);
    assert.equal(cloud.remembered().length, 2);
    cloud.run(8);
    assert.deepEqual(cloud.remembered(), []);
  });

  void it("policies asked for by name, and counts of the peers, while a rule leaves the volume out", () => {
    const cloud = new AskingCloud();
    cloud.server = {};
    const asked = { backup_policy: "gold", auto_snapshot: "yes", snapshot_policies: "six", retention_six: "9" };
    const made = (day: number): string[] =>
      cloud.run(day).map((job) => `${job.policy} ${job.retention === null ? "" : promisedBy(job).last}`.trim());
    cloud.volume = asked;
    assert.deepEqual(made(0), ["gold", "six 9"]);
    cloud.volume = { ...asked, role: "scratch" };
    assert.deepEqual(made(1), []);
    cloud.volume = { ...asked, backup_policy: "weak", retention_six: "7" };
    assert.deepEqual(made(2), ["gold", "six 9", "weak"]);
    assert.deepEqual(made(8), ["gold", "six 9", "weak"]);
    assert.deepEqual(made(9), ["six 7", "weak"]);
  });
});
