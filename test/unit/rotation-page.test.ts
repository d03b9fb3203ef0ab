import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { reasons } from "../../src/domain/reasons.ts";
import { examples, withExamples } from "./support/rotation-example.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/rotation.md"), "utf8");

it("the examples of docs/rotation.md are what the code does (npm run docs)", () => {
  assert.deepEqual(
    [...page.matchAll(/<!-- example: (\S+) -->/g)].map(([, name]) => name),
    Object.keys(examples),
  );
  assert.equal(page, withExamples(page));
});

it("docs/rotation.md explains every reason to keep a point, and no other", () => {
  const explained = [...page.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].flatMap(([, cell]) =>
    cell!.replaceAll("`", "").split(", "),
  );
  const keeps = Object.keys(reasons).filter((reason) => reason.startsWith("keep_"));
  const others = ["delete_failed", "brake", "partial_scan", "unproven_reader", "clock_jump"];
  assert.deepEqual(explained.toSorted(), [...keeps, ...others].toSorted());
});
