import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  guardedRule,
  guardObject,
  guardVolume,
  type Caller,
  type CatalogueWord,
  type GuardedObject,
  type GuardQuestion,
  type GuardRules,
} from "./guard.ts";

const rulesOf = (adminsMay: boolean): GuardRules => ({
  conductorIds: new Set(["writer"]),
  creatorIds: new Set(["writer", "former"]),
  adminsMay,
});
const strict = rulesOf(false);
const lenient = rulesOf(true);

const callers = {
  conductor: { userId: "writer", projectId: "p1", isAdmin: false },
  "conductor elsewhere": { userId: "writer", projectId: "p2", isAdmin: false },
  "conductor without a project": { userId: "writer", projectId: null, isAdmin: false },
  "former writer": { userId: "former", projectId: "p1", isAdmin: false },
  member: { userId: "tenant", projectId: "p1", isAdmin: false },
  admin: { userId: "root", projectId: "p9", isAdmin: true },
  nobody: { userId: null, projectId: null, isAdmin: false },
} as const satisfies Record<string, Caller>;

const objectOf = (creatorId: string, metadata: Record<string, string> = {}): GuardedObject => ({
  projectId: "p1",
  creatorId,
  metadata,
});
const marked = { __automated_backup: "True", "dirigent:key": "v/default/2026-11-21T00:00:00Z" };
const objects = {
  plain: objectOf("tenant", { purpose: "own" }),
  "plain of a tenant, the mark says False": objectOf("tenant", { __automated_backup: "False" }),
  ours: objectOf("writer", marked),
  "ours, marks lost": objectOf("writer"),
  "a former writer's, marks lost": objectOf("former"),
  forged: objectOf("tenant", marked),
  held: objectOf("writer", { ...marked, "dirigent:hold": "audit" }),
  "held by an empty mark": objectOf("writer", { ...marked, "dirigent:hold": "" }),
  "forged hold": objectOf("tenant", { "dirigent:hold": "me" }),
} as const satisfies Record<string, GuardedObject>;

const catalogues = {
  none: "none",
  unavailable: "unavailable",
  unknown: { automated: false, held: false },
  automated: { automated: true, held: false },
  held: { automated: true, held: true },
} as const satisfies Record<string, CatalogueWord>;

/** The callers of the columns. Each cell has two letters, for delete and update. */
const columns = [
  "conductor",
  "conductor elsewhere",
  "conductor without a project",
  "former writer",
  "member",
  "admin",
  "nobody",
] as const;
const table = `
  object                                 | catalogue   | conductor | elsewhere | no project | former | member | admin | nobody
  plain                                  | none        | yy        | yy        | yy         | yy     | yy     | yy    | yy
  plain                                  | unknown     | yy        | yy        | yy         | yy     | yy     | yy    | yy
  plain                                  | automated   | yy        | nn        | nn         | nn     | nn     | aa    | nn
  plain                                  | held        | ny        | nn        | nn         | nn     | nn     | nn    | nn
  plain                                  | unavailable | ny        | nn        | nn         | nn     | nn     | nn    | nn
  plain of a tenant, the mark says False | none        | yy        | yy        | yy         | yy     | yy     | yy    | yy
  ours                                   | none        | yy        | nn        | nn         | nn     | nn     | aa    | nn
  ours                                   | unknown     | yy        | nn        | nn         | nn     | nn     | aa    | nn
  ours                                   | automated   | yy        | nn        | nn         | nn     | nn     | aa    | nn
  ours                                   | held        | ny        | nn        | nn         | nn     | nn     | nn    | nn
  ours                                   | unavailable | ny        | nn        | nn         | nn     | nn     | nn    | nn
  ours, marks lost                       | none        | yy        | nn        | nn         | nn     | nn     | aa    | nn
  ours, marks lost                       | held        | ny        | nn        | nn         | nn     | nn     | nn    | nn
  a former writer's, marks lost          | none        | yy        | nn        | nn         | nn     | nn     | aa    | nn
  forged                                 | none        | yy        | nn        | nn         | nn     | nn     | aa    | nn
  forged                                 | unknown     | yy        | nn        | nn         | nn     | nn     | aa    | nn
  held                                   | none        | ny        | nn        | nn         | nn     | nn     | nn    | nn
  held                                   | unknown     | ny        | nn        | nn         | nn     | nn     | nn    | nn
  held                                   | unavailable | ny        | nn        | nn         | nn     | nn     | nn    | nn
  held by an empty mark                  | none        | ny        | nn        | nn         | nn     | nn     | nn    | nn
  forged hold                            | none        | ny        | nn        | nn         | nn     | nn     | nn    | nn
`;

const cell = (row: { object: GuardedObject; catalogue: CatalogueWord }, caller: Caller): string =>
  (["delete", "update"] as const)
    .map((action) => {
      const [without, withAdmins] = [strict, lenient].map(
        (rules) => guardObject({ action, caller, ...row }, rules).allow,
      );
      if (without === withAdmins) return without === true ? "y" : "n";
      return withAdmins === true ? "a" : "broken";
    })
    .join("");

describe("guardObject", () => {
  // y and n: yes and no, whether admins may delete or not; a: only where they may.
  const rows = table
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split("|").map((each) => each.trim()));
  for (const [object = "", catalogue = "", ...want] of rows) {
    it(`${object}, catalogue ${catalogue}`, () => {
      const row = {
        object: objects[object as keyof typeof objects],
        catalogue: catalogues[catalogue as keyof typeof catalogues],
      };
      assert.deepEqual(
        columns.map((name) => cell(row, callers[name])),
        want,
      );
    });
  }

  it("says why", () => {
    const why = (object: keyof typeof objects, caller: keyof typeof callers, catalogue: keyof typeof catalogues) =>
      guardObject(
        { action: "delete", caller: callers[caller], object: objects[object], catalogue: catalogues[catalogue] },
        lenient,
      );
    assert.deepEqual(why("plain", "member", "none"), { allow: true, reason: "not_automated" });
    assert.deepEqual(why("plain", "member", "unavailable"), { allow: false, reason: "catalogue_unavailable" });
    assert.deepEqual(why("ours", "member", "unavailable"), { allow: false, reason: "automated" });
    assert.deepEqual(why("ours", "conductor", "none"), { allow: true, reason: "conductor" });
    assert.deepEqual(why("ours", "admin", "none"), { allow: true, reason: "admin" });
    assert.deepEqual(why("held", "conductor", "none"), { allow: false, reason: "held" });
  });

  const anyId = fc.constantFrom("writer", "former", "tenant", "root");
  const anyProject = fc.constantFrom("p1", "p2");
  const anyMetadata = fc.dictionary(
    fc.constantFrom("__automated_backup", "dirigent:hold", "dirigent:key", "__proto__", "x"),
    fc.constantFrom("True", "true", "False", ""),
  );
  const anyCaller: fc.Arbitrary<Caller> = fc.record({
    userId: fc.option(anyId),
    projectId: fc.option(anyProject),
    isAdmin: fc.boolean(),
  });
  const anyQuestion: fc.Arbitrary<Omit<GuardQuestion, "catalogue">> = fc.record({
    action: fc.constantFrom("delete", "update"),
    caller: anyCaller,
    object: fc.record({ projectId: anyProject, creatorId: anyId, metadata: anyMetadata }),
  });
  const anyEntry = fc.record({ automated: fc.boolean(), held: fc.boolean() });
  const anyRules = fc.boolean().map(rulesOf);

  it("a catalogue only ever takes away, and one that is missing takes away most", () => {
    fc.assert(
      fc.property(anyQuestion, anyEntry, anyRules, (question, entry, rules) => {
        const allow = (catalogue: CatalogueWord): boolean => guardObject({ ...question, catalogue }, rules).allow;
        const [missing, present, none] = [allow("unavailable"), allow(entry), allow("none")];
        assert.ok(!missing || present);
        assert.ok(!present || none);
      }),
    );
  });

  it("nobody but the conductor in the project, and an admin where admins may, touches what we created", () => {
    fc.assert(
      fc.property(anyQuestion, anyRules, (question, rules) => {
        const object = { ...question.object, creatorId: "writer" };
        const { allow } = guardObject({ ...question, object, catalogue: "none" }, rules);
        const { caller } = question;
        const conductor = caller.userId === "writer" && caller.projectId === object.projectId;
        assert.ok(!allow || conductor || (rules.adminsMay && caller.isAdmin));
      }),
    );
  });

  it("nobody deletes what is held", () => {
    fc.assert(
      fc.property(anyQuestion, anyRules, fc.string(), (question, rules, hold) => {
        const metadata = { ...question.object.metadata, "dirigent:hold": hold };
        const object = { ...question.object, metadata };
        const held = guardObject({ ...question, action: "delete", object, catalogue: "none" }, rules);
        assert.deepEqual(held, { allow: false, reason: "held" });
      }),
    );
  });
});

describe("guardVolume", () => {
  const decide = (snapshots: Parameters<typeof guardVolume>[0]["snapshots"], caller: Caller, rules = strict) =>
    guardVolume({ caller, snapshots }, rules);
  const some = { automatedSnapshots: true, heldSnapshots: false };
  const held = { automatedSnapshots: true, heldSnapshots: true };
  const bare = { automatedSnapshots: false, heldSnapshots: false };

  it("lets a volume go that has no automated snapshot", () => {
    assert.deepEqual(decide(bare, callers.member), { allow: true, reason: "not_automated" });
  });

  it("keeps one that has, from admins as well unless they may", () => {
    assert.deepEqual(decide(some, callers.member), { allow: false, reason: "automated" });
    assert.deepEqual(decide(some, callers.admin), { allow: false, reason: "automated" });
    assert.deepEqual(decide(some, callers.admin, lenient), { allow: true, reason: "admin" });
    assert.deepEqual(decide(some, callers.conductor, lenient), { allow: false, reason: "automated" });
  });

  it("keeps one with a held snapshot from everybody", () => {
    assert.deepEqual(decide(held, callers.admin, lenient), { allow: false, reason: "held" });
  });

  it("knows nothing without a catalogue, and then says no", () => {
    assert.deepEqual(decide("none", callers.admin, lenient), { allow: false, reason: "guard_off" });
    assert.deepEqual(decide("unavailable", callers.admin, lenient), { allow: false, reason: "catalogue_unavailable" });
  });
});

describe("guardedRule", () => {
  it("knows what Cinder's rules ask for", () => {
    assert.deepEqual(guardedRule("backup:update", "snapshot"), { kind: "backup", action: "update" });
    assert.deepEqual(guardedRule("volume:delete", "backup"), { kind: "volume", action: "delete" });
    assert.deepEqual(guardedRule("volume:delete_snapshot_metadata", "backup"), { kind: "snapshot", action: "update" });
  });

  it("takes any other for a deletion", () => {
    assert.deepEqual(guardedRule("backup:get", "backup"), { kind: "backup", action: "delete" });
    assert.deepEqual(guardedRule("__proto__", "snapshot"), { kind: "snapshot", action: "delete" });
  });
});
