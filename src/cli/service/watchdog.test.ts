import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Clock } from "../../domain/clock.ts";
import { directIo } from "../../domain/io.ts";
import { watchdog } from "./watchdog.ts";

const step = { kind: "db", name: "jobs" } as const;

/** A clock that only sleeping and {@link advance} move. */
function handClock(): Clock & { advance(ms: number): void } {
  let ms = 0;
  return {
    now: () => new Date(ms),
    monotonicMs: () => ms,
    sleep: async (for_) => void (ms += for_),
    advance: (by) => void (ms += by),
  };
}

function setUp() {
  const clock = handClock();
  const fedAt: number[] = [];
  const dog = watchdog(
    { watchdogMs: 60_000, alive: () => void fedAt.push(clock.monotonicMs()) },
    { io: directIo, clock },
  );
  return { clock, fedAt, dog };
}

describe("watchdog", () => {
  it("is fed by steps that end within the loop, also by those that fail, a quarter of its time apart", async () => {
    const { clock, fedAt, dog } = setUp();
    await dog.watch(async () => {
      await dog.io.run(step, async () => undefined);
      clock.advance(14_999);
      await dog.io.run(step, async () => undefined);
      clock.advance(1);
      await assert.rejects(
        dog.io.run(step, () => Promise.reject(new Error("away"))),
        /away/,
      );
    });
    assert.deepEqual(fedAt, [0, 15_000]);
  });

  it("is fed through a long sleep of the loop", async () => {
    const { fedAt, dog } = setUp();
    await dog.watch(() => dog.clock.sleep(40_000));
    assert.deepEqual(fedAt, [0, 15_000, 30_000]);
  });

  it("starves while the loop waits for what does not come, whatever else the process does", async () => {
    const { clock, fedAt, dog } = setUp();
    const forever = dog.watch(() => dog.io.run(step, () => new Promise(() => undefined)));
    clock.advance(20_000);
    await dog.io.run(step, async () => undefined);
    await dog.clock.sleep(20_000);
    assert.deepEqual(fedAt, []);
    assert.ok(forever instanceof Promise);
  });

  it("is not there when nobody watches", () => {
    const clock = handClock();
    const dog = watchdog({ watchdogMs: null, alive: () => assert.fail("nobody watches") }, { io: directIo, clock });
    assert.deepEqual([dog.io, dog.clock], [directIo, clock]);
  });
});
