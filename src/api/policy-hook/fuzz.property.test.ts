import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { guardObject, type Caller, type GuardedObject } from "../../domain/guard.ts";
import {
  formOf,
  formType,
  hookOptions,
  hookWith,
  jsonType,
  pythonJson,
  recordedCredentials,
  recordedTarget,
  requestOf,
  writerId,
  type Check,
} from "./testing.ts";

/** `npm run soak` asks for more. */
const numRuns = Number(process.env["HOOK_FUZZ_RUNS"] ?? 5000);

/** Protected twice over: the conductor made it, and it is marked. One change of a few bytes takes away one of the two at most. */
const automated: Check = {
  rule: "backup:delete",
  target: { ...recordedTarget, user_id: writerId, metadata: { __automated_backup: "True", "dirigent:key": "v/p/s" } },
  credentials: recordedCredentials,
};

/** What somebody might slip in: members and fields that are there already, so that two parsers might take different ones. */
const doubles = [
  '"metadata": {}, ',
  ', "metadata": {}',
  '"metadata": {"a": "}, {\\""}, ',
  '"user_id": "tenant", ',
  ', "user_id": "tenant"',
  '"us\\u0065r_id": "tenant", ',
  '"user_id": "tenant", "metadata": {}, ',
  '"__automated_backup": "False", ',
  ', "__automated_backup": "False"',
  '"__proto__": {"metadata": {}, "user_id": "tenant"}, ',
  '"constructor": {"prototype": {"metadata": {}}}, ',
  `"user_id": "${writerId}", `,
  `, "user_id": "${writerId}"`,
  '"is_admin": true, ',
  '"target": {}, ',
  ', "target": {"id":"x","project_id":"p","user_id":"u","metadata":{}}',
  "&target=%7B%7D",
  '&target={"id":"x","project_id":"p","user_id":"u","metadata":{}}',
  '&t%61rget={"id":"x","project_id":"p","user_id":"u","metadata":{}}',
  "&rule=%22backup%3Aupdate%22",
  '&credentials={"user_id":"writer","project_id":"fcb5970ad48c4b2eac812e14b8cf11c9"}',
];

/** What ends a thing early, or means one thing to one parser and another to the next. */
const fragments = [
  ...doubles,
  ...["}", "{", "[", "]", '"', ",", ":", "\\", "\\u0022", "\u0000", "\r\n", "\ufeff", "/*", "//", "True"],
  ...["&", "=", "+", "%", "%00", "%22", "%7D", "%2C", "%C0%A2", "%FF", "&target="],
];

type Encoding = typeof formType | typeof jsonType;
const anyEncoding = fc.constantFrom<Encoding>(formType, jsonType);
const encode = (check: Check, encoding: Encoding): string =>
  encoding === formType ? formOf(check) : pythonJson(check);

type Change =
  | { readonly do: "insert"; readonly bytes: Uint8Array }
  | { readonly do: "replace"; readonly bytes: Uint8Array }
  | { readonly do: "remove"; readonly count: number }
  | { readonly do: "repeat"; readonly count: number }
  | { readonly do: "cut off" };

const anyChange: fc.Arbitrary<Change> = fc.oneof(
  fc.constantFrom(...fragments).map((text) => ({ do: "insert" as const, bytes: Buffer.from(text) })),
  fc.uint8Array({ minLength: 1, maxLength: 6 }).map((bytes) => ({ do: "insert" as const, bytes })),
  fc.uint8Array({ minLength: 1, maxLength: 3 }).map((bytes) => ({ do: "replace" as const, bytes })),
  fc.integer({ min: 1, max: 16 }).map((count) => ({ do: "remove" as const, count })),
  fc.integer({ min: 1, max: 200 }).map((count) => ({ do: "repeat" as const, count })),
  fc.constant({ do: "cut off" as const }),
);

function changed(bytes: Buffer, change: Change, at: number): Buffer<ArrayBuffer> {
  const before = bytes.subarray(0, at);
  switch (change.do) {
    case "insert":
      return Buffer.concat([before, change.bytes, bytes.subarray(at)]);
    case "replace":
      return Buffer.concat([before, change.bytes, bytes.subarray(at + change.bytes.length)]);
    case "remove":
      return Buffer.concat([before, bytes.subarray(at + change.count)]);
    case "repeat":
      return Buffer.concat([bytes.subarray(0, at + change.count), bytes.subarray(at)]);
    case "cut off":
      return Buffer.concat([before]);
  }
}

/** Where a form or JSON has a seam. Elsewhere most changes would fall into values that nobody reads. */
const seams = (bytes: Buffer, pattern = /[{}",:&=]|%(?:7B|7D|22|2C|3A)/g): readonly number[] =>
  [...bytes.toString("latin1").matchAll(pattern)].flatMap((match) => [match.index, match.index + match[0].length]);

// Not fc.double, which is all but always next to nothing.
const anyShare = fc.noBias(fc.nat({ max: 999_999 })).map((millionths) => millionths / 1e6);
const anyPlace = fc.record({ seam: fc.boolean(), share: anyShare });
const placeIn = (bytes: Buffer, { seam, share }: { seam: boolean; share: number }): number => {
  const places = seams(bytes);
  return (seam ? places[Math.floor(share * places.length)] : undefined) ?? Math.floor(share * bytes.length);
};

const answers = new Set(["200 True", "401 False", "400 False", "413 False"]);

describe("fuzzed checks", () => {
  const { answer } = hookWith();

  it("of an automated backup are never allowed, whatever is changed in one place", async () => {
    const bodies = new Map(([formType, jsonType] as const).map((type) => [type, Buffer.from(encode(automated, type))]));
    await fc.assert(
      fc.asyncProperty(anyEncoding, anyChange, anyPlace, async (encoding, change, place) => {
        const body = bodies.get(encoding) ?? Buffer.of();
        const said = await answer(requestOf(changed(body, change, placeIn(body, place)), encoding));
        assert.ok(said !== "200 True" && answers.has(said), said);
      }),
      { numRuns },
    );
  });

  it("of an automated backup are never allowed by what is said a second time", async () => {
    const { user_id, metadata } = recordedTarget;
    const targets = [
      { ...recordedTarget, user_id: writerId, metadata },
      { ...recordedTarget, user_id, metadata: { __automated_backup: "True" } },
      { ...recordedTarget, user_id, metadata: { "dirigent:hold": "x" } },
    ];
    const anyTarget = fc.constantFrom(...targets);
    await fc.assert(
      fc.asyncProperty(
        anyEncoding,
        anyTarget,
        fc.constantFrom(...doubles),
        anyShare,
        async (encoding, target, text, share) => {
          const body = Buffer.from(encode({ ...automated, target }, encoding));
          const places = seams(body, /[{}&]|%7B|%7D/g);
          const at = places[Math.floor(share * places.length)] ?? 0;
          const said = await answer(requestOf(changed(body, { do: "insert", bytes: Buffer.from(text) }, at), encoding));
          assert.ok(said === "401 False" || said === "400 False", said);
        },
      ),
      { numRuns },
    );
  });

  it("of an automated backup are never allowed under another content type", async () => {
    const anyType = fc.oneof(
      fc.constantFrom(
        "",
        "text/plain",
        "multipart/form-data; boundary=x",
        `${jsonType}; charset=utf-16`,
        "application/*",
      ),
      fc.constantFrom(
        `${formType}; charset=latin1`,
        `${formType}, ${jsonType}`,
        `${jsonType};;`,
        `${jsonType}; charset="UTF-8"`,
      ),
      fc.stringMatching(/^[ -~]{0,40}$/),
      anyEncoding,
    );
    await fc.assert(
      fc.asyncProperty(anyEncoding, anyType, async (encoding, type) => {
        const said = await answer(requestOf(encode(automated, encoding), type));
        assert.ok(said === "401 False" || said === "400 False", said);
      }),
      { numRuns: numRuns / 10 },
    );
  });

  it("of any bytes are answered, and never allowed", async () => {
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.string({ unit: "binary", maxLength: 200 }).map((text) => Buffer.from(text)),
      fc.json().map((text) => Buffer.from(text)),
      fc.integer({ min: 1, max: 30_000 }).map((depth) => Buffer.from("[".repeat(depth) + "]".repeat(depth))),
    );
    await fc.assert(
      fc.asyncProperty(anyEncoding, anyBytes, async (encoding, bytes) => {
        const said = await answer(requestOf(Buffer.concat([bytes]), encoding));
        assert.ok(said === "400 False" || said === "413 False", said);
      }),
      { numRuns: numRuns / 5 },
    );
  });

  it("of any JSON in the right places are answered without an error of ours", async () => {
    const anyId = fc.constantFrom("writer", "former", "tenant", "", null, 7, "x y");
    const anyMetadata = fc.oneof(
      fc.dictionary(
        fc.constantFrom("__automated_backup", "dirigent:hold", "__proto__", "x"),
        fc.constantFrom("True", ""),
      ),
      fc.jsonValue(),
    );
    const anyTarget = fc.oneof(
      fc.record(
        { id: fc.oneof(anyId, fc.uuid()), project_id: anyId, user_id: anyId, metadata: anyMetadata },
        { requiredKeys: [] },
      ),
      fc.jsonValue(),
    );
    const anyCredentials = fc.oneof(
      fc.record({ user_id: anyId, project_id: anyId, is_admin: fc.jsonValue() }, { requiredKeys: [] }),
      fc.jsonValue(),
    );
    const anyRule = fc.oneof(fc.constantFrom("backup:delete", "backup:update", "volume:delete"), fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(anyEncoding, anyRule, anyTarget, anyCredentials, async (encoding, rule, target, credentials) => {
        const said = await answer(requestOf(encode({ rule, target, credentials }, encoding), encoding));
        assert.ok(answers.has(said), said);
      }),
      { numRuns: numRuns / 5 },
    );
  });

  it("that are sound get the decision of the domain, in either encoding", async () => {
    const anyUser = fc.constantFrom("writer", "former", "tenant", "root");
    const anyProject = fc.constantFrom("p1", "p2");
    const anyKey = fc.oneof(
      fc.constantFrom("__automated_backup", "dirigent:hold", "__proto__", "toString"),
      fc.string(),
    );
    const anyObject: fc.Arbitrary<GuardedObject> = fc.record({
      projectId: anyProject,
      creatorId: anyUser,
      metadata: fc.dictionary(anyKey, fc.oneof(fc.constantFrom("True", "TRUE", "False"), fc.string())),
    });
    const anyCaller: fc.Arbitrary<Caller> = fc.record({
      userId: fc.option(anyUser),
      projectId: fc.option(anyProject),
      isAdmin: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          action: fc.constantFrom("delete" as const, "update" as const),
          object: anyObject,
          caller: anyCaller,
        }),
        anyEncoding,
        async ({ action, object, caller }, encoding) => {
          const { allow } = guardObject({ action, caller, object, catalogue: "none" }, hookOptions.rules);
          const check = {
            rule: `backup:${action}`,
            target: { id: "b1", project_id: object.projectId, user_id: object.creatorId, metadata: object.metadata },
            credentials: { user_id: caller.userId, project_id: caller.projectId, is_admin: caller.isAdmin },
          };
          assert.equal(await answer(requestOf(encode(check, encoding), encoding)), allow ? "200 True" : "401 False");
        },
      ),
      { numRuns: numRuns / 5 },
    );
  });
});
