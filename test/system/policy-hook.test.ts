import { after, before, describe } from "node:test";
import { backupsAreGuarded } from "./policy-hook/backups.ts";
import { doctorTries } from "./policy-hook/doctor.ts";
import { snapshotsAreGuarded } from "./policy-hook/snapshots.ts";
import { openStage, type Stage } from "./policy-hook/stage.ts";

describe("the policy hook in front of a real Cinder, with the policy file we ship", () => {
  let opened: Stage;
  const stage = (): Stage => opened;
  before(async () => {
    opened = await openStage();
  });
  after(() => opened.close());

  describe("backups", () => backupsAreGuarded(stage));
  describe("snapshots", () => snapshotsAreGuarded(stage));
  describe("dirigent doctor policy", () => doctorTries(stage));
});
