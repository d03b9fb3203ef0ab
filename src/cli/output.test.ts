import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { escapeText } from "../domain/escape.ts";
import { createLogger } from "./logger.ts";
import { createOutput, table } from "./output.ts";
import { redact } from "./redact.ts";

const sink = (isTerminal: boolean) => {
  const lines: string[] = [];
  return { lines, isTerminal, write: (text: string) => void lines.push(text) };
};

describe("escapeText", () => {
  it("writes what is not visible as an escape, and leaves the rest", () => {
    assert.equal(
      escapeText("a\u001b[31mb\r\nc\u0007\u009bd\u202ee\u2028f"),
      String.raw`a\x1b[31mb\r\nc\x07\x9bd\u202ee\u2028f`,
    );
    assert.equal(escapeText("Größe 备份 👍🏽 é"), "Größe 备份 👍🏽 é");
  });

  it("leaves nothing that moves a cursor or ends a line, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        assert.doesNotMatch(escapeText(text), /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      }),
    );
  });
});

describe("table", () => {
  it("aligns columns and escapes cells", () => {
    const rows = [
      { name: "db", size: 5 },
      { name: "web\u001b[2J", size: 1200 },
    ];
    const text = table(rows, [
      { title: "NAME", value: ({ name }) => name },
      { title: "GIB", value: ({ size }) => String(size), align: "right" },
    ]);
    assert.equal(text, ["NAME         GIB", "db             5", String.raw`web\x1b[2J  1200`, ""].join("\n"));
  });
});

describe("createOutput", () => {
  it("prints data as JSON in one line, indented on a terminal, or in words", () => {
    const print = (json: boolean, terminal: boolean): string => {
      const stdout = sink(terminal);
      createOutput({ stdout, stderr: sink(false), json }).data({ a: 1 }, () => "a is 1");
      return stdout.lines.join("");
    };
    assert.equal(print(true, false), '{"a":1}\n');
    assert.equal(print(true, true), '{\n  "a": 1\n}\n');
    assert.equal(print(false, false), "a is 1\n");
  });

  it("shows progress on a terminal only, and takes it away before anything else", () => {
    const use = (terminal: boolean): string => {
      const stderr = sink(terminal);
      const output = createOutput({ stdout: sink(terminal), stderr, json: false });
      output.progress("1 of 2");
      output.progress("2 of 2");
      output.note("done\n");
      output.progress(null);
      return stderr.lines.join("");
    };
    assert.equal(use(false), "done\\n\n");
    assert.equal(use(true), "1 of 2\r\u001b[2K2 of 2\r\u001b[2Kdone\\n\n");
  });
});

const clock = { now: () => new Date("2026-11-21T06:04:13.250Z"), monotonicMs: () => 0, sleep: () => Promise.resolve() };

describe("createLogger", () => {
  const logged = (terminal: boolean, fields: object, message = "a message"): string => {
    const target = sink(terminal);
    createLogger({ level: "info", sink: target, clock }).warn(fields, message);
    return target.lines.join("");
  };

  it("writes JSON lines with the given clock's time, and nothing below its level", () => {
    const target = sink(false);
    const log = createLogger({ level: "info", sink: target, clock });
    log.debug({}, "not shown");
    log.info({ jobs: 3 }, "planned");
    assert.deepEqual(target.lines, ['{"level":"info","time":"2026-11-21T06:04:13.250Z","jobs":3,"msg":"planned"}\n']);
  });

  it("writes one line for people on a terminal, whatever the text", () => {
    assert.equal(
      logged(true, { volume: "v1", name: "a\r\n\u001b[2Jb", count: 2 }, "odd\nname"),
      String.raw`06:04:13 WARN  odd\nname volume=v1 name="a\r\n\u001b[2Jb" count=2` + "\n",
    );
  });

  it("hides secrets in fields, texts and errors with their causes", () => {
    const token = `gAAAA${"x".repeat(40)}`;
    const cause = new Error(`got ${token}`);
    const error = Object.assign(new Error("mysql://u:hunter2@h/db is away", { cause }), {
      password: "hunter2",
      status: 500,
    });
    const fields = { error, headers: { "X-Auth-Token": token }, list: [{ secret: "hunter2" }] };
    const hidden = "(hidden)";
    assert.deepEqual(redact(fields), {
      error: {
        name: "Error",
        message: `mysql://u:${hidden}@h/db is away`,
        password: hidden,
        status: 500,
        cause: { name: "Error", message: `got ${hidden}` },
      },
      headers: { "X-Auth-Token": hidden },
      list: [{ secret: hidden }],
    });
    const line = logged(false, fields, `token ${token}`);
    assert.doesNotMatch(line, /hunter2|gAAAA/);
    assert.match(line, /"msg":"token \(hidden\)"/);
  });

  it("survives circular values", () => {
    const a: Record<string, unknown> = { name: "a" };
    a["self"] = a;
    assert.match(logged(false, { a }), /"name":"a"/);
  });
});
