import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { systemFiles } from "./environment.ts";
import { loadSettings } from "./load.ts";
import { policyReference } from "./policies/reference.ts";
import { reference } from "./reference.ts";
import { sample } from "./sample.ts";
import { options } from "./schema.ts";
import { environmentOf } from "./testing.ts";

const root = join(import.meta.dirname, "..", "..");
const sampleFile = join(root, "etc", "dirigent.yaml");

/** Loads a text as the main file, and leaves out which files were read. */
const load = (text: string) => ({
  ...loadSettings({ environment: environmentOf({ files: { "/c.yaml": text } }), configFile: "/c.yaml" }),
  files: [],
});

describe("generated files", () => {
  it("docs/configuration.md is up to date (npm run docs)", () => {
    assert.equal(readFileSync(join(root, "docs", "configuration.md"), "utf8"), reference());
  });

  it("docs/policy-keys.md is up to date (npm run docs)", () => {
    assert.equal(readFileSync(join(root, "docs", "policy-keys.md"), "utf8"), policyReference());
  });

  it("etc/dirigent.yaml is up to date (npm run docs)", () => {
    assert.equal(readFileSync(sampleFile, "utf8"), sample());
  });

  it("etc/dirigent.yaml loads as it is, and sets nothing", () => {
    const environment = { ...environmentOf({}), files: systemFiles };
    assert.deepEqual({ ...loadSettings({ environment, configFile: sampleFile }), files: [] }, load(""));
  });

  it("etc/dirigent.yaml names every key, each with its default", () => {
    const active = sample().replaceAll(/^( *)#(?=\w)/gm, "$1");
    // Keys without a default stay without a value, which such keys take as not set.
    assert.deepEqual(load(active), load(""));
    const names = [...active.matchAll(/^ *([a-z_]+):/gm)].map(([, name]) => name);
    const missing = options.filter(({ key }) => !names.includes(key.slice(key.lastIndexOf(".") + 1)));
    assert.deepEqual(missing, []);
  });

  it("every key has a sentence, and a variable of its own", () => {
    for (const { key, option } of options) assert.match(option.doc, /^[A-Z0-9].*\.$/s, key);
    const variables = options.flatMap(({ variable }) => (variable === null ? [] : [variable]));
    assert.equal(new Set(variables).size, variables.length);
  });
});
