import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { StoreError } from "./errors.ts";
import { withRetry } from "./retry.ts";

const failing = (code: string, more: object = {}) => Object.assign(new Error(`says ${code}`), { code, ...more });

describe("tries of the store", () => {
  const undone = (f: { undone: boolean }) => f.undone;
  it("go on while nothing was done, and end with the result", async () => {
    let tries = 0;
    const work = async () => {
      await Promise.resolve();
      if ((tries += 1) < 3) throw new Error("drizzle's wrapping", { cause: failing("ER_LOCK_DEADLOCK") });
      return "done";
    };
    assert.equal(await withRetry("db", work, undone, [0, 0, 0]), "done");
    assert.equal(tries, 3);
  });
  it("end with what the failure means, when there were enough", async () => {
    let tries = 0;
    const work = () => {
      tries += 1;
      return Promise.reject(failing("ER_LOCK_WAIT_TIMEOUT"));
    };
    await assert.rejects(withRetry("u@h/db", work, undone, [0, 0]), (error) => {
      assert.ok(error instanceof StoreError);
      assert.equal(error.transient, true);
      assert.equal(error.message, "the database u@h/db waited too long for a lock (says ER_LOCK_WAIT_TIMEOUT)");
      return true;
    });
    assert.equal(tries, 3);
  });
  for (const [code, transient] of [
    ["PROTOCOL_CONNECTION_LOST", true],
    ["ECONNREFUSED", true],
    ["ER_CON_COUNT_ERROR", true],
    ["ER_ACCESS_DENIED_ERROR", false],
  ] as const) {
    it(`are not repeated after ${code}, which is ${transient ? "" : "not "}transient`, async () => {
      let tries = 0;
      const work = () => {
        tries += 1;
        return Promise.reject(failing(code));
      };
      await assert.rejects(
        withRetry("db", work, undone, [0]),
        (error) => error instanceof StoreError && error.transient === transient,
      );
      assert.equal(tries, 1);
    });
  }
  it("name any other error of a server, and leave bugs as they are", async () => {
    const bad = failing("ER_TRUNCATED_WRONG_VALUE_FOR_FIELD", { errno: 1366, sqlState: "HY000" });
    await assert.rejects(
      withRetry("db", () => Promise.reject(bad), undone),
      (error) => error instanceof StoreError && !error.transient && error.cause === bad,
    );
    await assert.rejects(
      withRetry("db", () => Promise.reject(new TypeError("a bug")), undone),
      TypeError,
    );
  });
});
