import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { policyPictures } from "./support/policy-pictures.ts";

const docs = join(import.meta.dirname, "../../docs");

it("the pictures of docs/schedules.md are what the conductor would keep (npm run docs)", () => {
  const page = readFileSync(join(docs, "schedules.md"), "utf8");
  const shown = [...page.matchAll(/\]\(images\/([\w-]+\.svg)\)/g)].map(([, name]) => name);
  const pictures = policyPictures();
  assert.deepEqual(shown, [...pictures.keys()]);
  for (const [name, picture] of pictures) assert.equal(readFileSync(join(docs, "images", name), "utf8"), picture, name);
});
