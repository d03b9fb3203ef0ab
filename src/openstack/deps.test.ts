import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newRequestId } from "./deps.ts";

test("a request id has the form that services accept, whatever the randomness", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 32 }),
      (values) => {
        let at = 0;
        const id = newRequestId(() => values[at++ % values.length]!);
        assert.match(id, /^req-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      },
    ),
  );
});
