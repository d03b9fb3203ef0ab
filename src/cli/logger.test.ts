import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LogFormat } from "../config/settings.ts";
import { createLogger } from "./logger.ts";

const clock = { now: () => new Date("2026-11-21T06:04:13.250Z"), monotonicMs: () => 0, sleep: () => Promise.resolve() };

/** What a warning with all kinds of values looks like. */
function written(
  format: LogFormat,
  terminal: { isTerminal: boolean; isJournal?: boolean } = { isTerminal: false },
): string {
  let text = "";
  const sink = { ...terminal, write: (line: string) => void (text += line) };
  const log = createLogger({ level: "info", format, sink, clock });
  log.debug({}, "not at this level");
  log.warn(
    {
      name: "two words",
      evil: "a\n<3>b",
      count: 3,
      keys: ["a.b", "c"],
      error: new Error("why", { cause: new Error("deep") }),
    },
    "said",
  );
  return text;
}

const text = 'said name="two words" evil="a\\n<3>b" count=3 keys="a.b, c" error="why: deep"';

describe("the log", () => {
  it("is one line of text for people, whatever is in it", () => {
    assert.equal(written("text"), `06:04:13 WARN  ${text}\n`);
  });
  it("has the priority and no time for the journal", () => {
    assert.equal(written("journal"), `<4>${text}\n`);
  });
  it("is JSON for machines", () => {
    const { error, ...rest } = JSON.parse(written("json")) as Record<string, unknown>;
    assert.deepEqual(rest, {
      level: "warn",
      time: "2026-11-21T06:04:13.250Z",
      name: "two words",
      evil: "a\n<3>b",
      count: 3,
      keys: ["a.b", "c"],
      msg: "said",
    });
    assert.equal((error as { message: string }).message, "why");
  });
  it("takes the form that its reader needs", () => {
    assert.equal(written("auto", { isTerminal: true }), written("text"));
    assert.equal(written("auto", { isTerminal: false, isJournal: true }), written("journal"));
    assert.equal(written("auto"), written("json"));
  });
});
