import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeMatch } from "./describe-match.ts";
import type { Match } from "./match.ts";

describe("describeMatch", () => {
  const labs: Match = { kind: "text", field: "project.name", test: { by: "equals", anyOf: ["lab", "play ground"] } };
  const small: Match = { kind: "size", minimum: null, maximum: 5 };
  const cases: readonly (readonly [Match, string])[] = [
    [{ kind: "all", of: [] }, "everything"],
    [labs, 'project.name is lab or "play ground"'],
    [{ kind: "all", of: [labs, small] }, 'project.name is lab or "play ground" and at most 5 GiB'],
    [
      { kind: "not", of: { kind: "any", of: [small, { kind: "flag", field: "bootable", is: false }] } },
      "not (at most 5 GiB or not bootable)",
    ],
    [{ kind: "size", minimum: 1, maximum: 2 }, "1 to 2 GiB"],
    [{ kind: "size", minimum: 1, maximum: null }, "at least 1 GiB"],
    [{ kind: "flag", field: "encrypted", is: true }, "encrypted"],
    [
      { kind: "metadata", of: "server", key: "class", test: { by: "prefix", anyOf: ["A"] } },
      "server.metadata.class begins with A",
    ],
    [{ kind: "text", field: "volume.name", test: { by: "glob", anyOf: ["db-*"] } }, "volume.name is like db-*"],
  ];
  for (const [match, want] of cases) it(want, () => assert.equal(describeMatch(match), want));
});
