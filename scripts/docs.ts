/** `npm run docs`: makes the generated files anew. A test holds them to be up to date. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { policyReference } from "../src/config/policies/reference.ts";
import { reference } from "../src/config/reference.ts";
import { sample } from "../src/config/sample.ts";
import { policyPictures } from "../test/unit/support/policy-pictures.ts";
import { withExamples } from "../test/unit/support/rotation-example.ts";

const root = join(import.meta.dirname, "..");
writeFileSync(join(root, "docs", "configuration.md"), reference());
writeFileSync(join(root, "etc", "dirigent.yaml"), sample());
writeFileSync(join(root, "docs", "policy-keys.md"), policyReference());

const rotation = join(root, "docs", "rotation.md");
writeFileSync(rotation, withExamples(readFileSync(rotation, "utf8")));

for (const [name, picture] of policyPictures()) writeFileSync(join(root, "docs", "images", name), picture);
