import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Harness, Stage } from "./stage.ts";
import type { Behaviour } from "./objects.ts";
import { allBehaviours, identityBehaviours, serviceBehaviours } from "./suite.ts";

const fewest = 60;

export interface ContractOptions {
  readonly open: () => Promise<Harness & { readonly close: () => Promise<void> }>;
  /** How many behaviours of the services run at a time; one where they share a clock. */
  readonly concurrency: number;
}

/** Declares one test for each behaviour, and one more that fails when any of them did not run to its end. */
export function declareContract(title: string, { open, concurrency }: ContractOptions): void {
  describe(title, () => {
    const ran = new Set<string>();
    let harness: Awaited<ReturnType<typeof open>>;
    let stage: Stage;
    before(async () => {
      harness = await open();
      stage = new Stage(harness);
      await stage.open();
    });
    after(async () => {
      await stage.close();
      await harness.close();
    });
    const declare = ({ name, run }: Behaviour): void => {
      it(name, async () => {
        await run(stage);
        ran.add(name);
      });
    };
    describe("identity", { concurrency: 1 }, () => identityBehaviours.forEach(declare));
    describe("services", { concurrency }, () => serviceBehaviours.forEach(declare));
    it("ran every behaviour, and there are enough of them", () => {
      const names = allBehaviours.map(({ name }) => name);
      assert.deepEqual(
        names.filter((name) => !ran.has(name)),
        [],
      );
      assert.ok(ran.size >= fewest && ran.size === names.length, `${ran.size} behaviours of ${names.length}`);
    });
  });
}
