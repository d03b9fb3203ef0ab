import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { options as keys } from "../../config/schema.ts";
import { commands } from "../commands.ts";
import { describeProgram } from "../program.ts";
import { runCommandLine } from "../testing.ts";
import { completion, shells } from "./completion.ts";
import { manPages } from "./pages.ts";
import { everyShape, shapeOf } from "./shape.ts";

const program = shapeOf(describeProgram({ version: "1.2.3", commands }));

/** What bash offers for a command line that ends with the word to complete. */
function offered(...words: readonly string[]): readonly string[] {
  const line = ["dirigent", ...words].map((word) => `'${word}'`).join(" ");
  const script = `${completion("bash", program)}
    COMP_WORDS=(${line}); COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 )); _dirigent; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", script], { encoding: "utf8" })
    .split("\n")
    .filter((word) => word !== "");
}

describe("completion", () => {
  it("offers commands, their parts and their options in bash", () => {
    assert.deepEqual(offered("pr"), ["protect", "prune"]);
    assert.deepEqual(offered("backups", ""), [
      "list",
      "show",
      "delete",
      "--help",
      "--version",
      "--config",
      "--cloud",
      "--log-level",
      "--timeout",
    ]);
    assert.deepEqual(offered("backups", "delete", "--d"), ["--dry-run"]);
    assert.deepEqual(offered("--json", "backups", "delete", "--y"), ["--yes"]);
    assert.deepEqual(offered("--log-level", "w"), ["warn"]);
    assert.deepEqual(offered("protect", "--cloud", ""), [], "a value that nobody knows");
  });

  it("knows every command and option in every shell", () => {
    for (const shell of shells) {
      const script = completion(shell, program);
      for (const shape of everyShape(program)) {
        const missing = [shape.name, ...shape.options.map(({ long }) => long.slice(2))].filter(
          (word) => !script.includes(word),
        );
        assert.deepEqual(missing, [], `${shell}, ${shape.path}`);
      }
    }
  });

  it("is printed by the command, and refused for a shell that is none", async () => {
    for (const shell of shells) {
      const ran = await runCommandLine(["completion", shell], { commands });
      assert.equal(ran.exitCode, 0);
      assert.equal(ran.stdout, completion(shell, shapeOf(describeProgram({ version: "1.2.3", commands }))));
    }
    const refused = await runCommandLine(["completion", "csh"], { commands });
    assert.equal(refused.exitCode, 2);
    assert.match(refused.stderr, /csh/);
  });
});

describe("man pages", () => {
  const pages = manPages(program, "1.2.3");

  it("are one for each command, one of the program, one of the configuration", () => {
    const words = commands.map(({ path }) => `dirigent-${path.replaceAll(" ", "-")}.1`);
    assert.deepEqual(pages.map(({ file }) => file).sort(), ["dirigent.1", "dirigent.yaml.5", ...words].sort());
  });

  it("say of every option and key what the help and the reference say", () => {
    const plain = (file: string): string =>
      (pages.find((page) => page.file === file)?.text ?? "")
        .replaceAll(/\\f[BIR]/g, "")
        .replaceAll(String.raw`\-`, "-")
        .replaceAll(String.raw`\&`, "")
        .replaceAll(String.raw`\e`, "\\");
    for (const { path, options = [], summary } of commands) {
      const page = plain(`dirigent-${path.replaceAll(" ", "-")}.1`);
      for (const text of [summary, ...options.flatMap(({ flags, description }) => [flags, description])]) {
        assert.ok(page.includes(text.replaceAll("`", "")), `${path}: ${text}`);
      }
    }
    const configuration = plain("dirigent.yaml.5");
    for (const { key, option } of keys) {
      for (const text of [key, option.doc]) assert.ok(configuration.includes(text.replaceAll("`", "")), key);
    }
  });

  it("have no line that roff would take for a request of its own", () => {
    for (const { file, text } of pages) {
      const requests = text.split("\n").filter((line) => /^[.']/.test(line) && !/^\.(TH|SH|TP|br)\b|^\.\\"/.test(line));
      assert.deepEqual(requests, [], file);
    }
  });
});
