import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { readPolicyBook } from "../../src/config/policies/read-book.ts";
import { assignPolicies } from "../../src/domain/assignment.ts";
import { defaultPolicy } from "../../src/domain/policy.ts";
import { aServer, at, aVolume } from "./support/builders.ts";
import { selection } from "./support/clouds.ts";

/** Platform9's example: two tenants are left out before a catch-all. */
void describe("the two-rule file, as it is written", () => {
  const text = readFileSync(new URL("support/platform9-rules.json", import.meta.url), "utf8");
  const files = { policies: null, rules: { path: "/rules.json", text } };
  const book = readPolicyBook(files, { timeZone: "UTC", container: null, builtIn: defaultPolicy });

  const protectedBy = (tenant: string): readonly string[] => {
    const { excluded, targets } = assignPolicies({
      now: at("2026-11-21T02:00:00Z"),
      servers: [aServer("s1", { volumeIds: ["v1"] })],
      volumes: new Map(["v1", "v2"].map((id) => [id, aVolume(id)])),
      projects: new Map([["p1", { id: "p1", name: tenant, domainId: "d1", domainName: null, tags: [] }]]),
      selection,
      book,
      builtIn: defaultPolicy,
      overridesSeen: [],
      readsPlatform9: true,
    });
    return [
      ...[...excluded].map(([id, why]) => `${id} excluded by ${why}`),
      ...[...targets].flatMap(([{ name, thinning }, all]) =>
        all.flatMap(({ server, volumeIds }) =>
          volumeIds.map((id) => `${id} with ${server?.id ?? "nobody"} by ${name}, last ${thinning?.last ?? "any"}`),
        ),
      ),
    ];
  };

  void it("protects everything but the two tenants' volumes, whatever their servers are tagged with", () => {
    for (const tenant of ["lab", "playground"]) {
      assert.deepEqual(protectedBy(tenant), ["v1 excluded by rule Exclude lab / playground tenants"]);
    }
    assert.deepEqual(protectedBy("lab2"), [
      "v1 with s1 by default, last any",
      "v1 with s1 by daily_5, last 5",
      "v2 with nobody by daily_5, last 5",
      "v1 with s1 by monthly_1st, last 1",
      "v2 with nobody by monthly_1st, last 1",
      "v1 with s1 by monthly_15th, last 1",
      "v2 with nobody by monthly_15th, last 1",
    ]);
  });
});
