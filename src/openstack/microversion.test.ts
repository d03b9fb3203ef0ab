import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { negotiate, offerFor, readOffers } from "./microversion.ts";
import { Row } from "./wire.ts";

const offer = (maximum: string, minimum = "2.1"): { id: string; minimum: string; maximum: string } => ({
  id: "v",
  minimum,
  maximum,
});

describe("negotiate", () => {
  it("takes the lower of our newest and the service's, down to the minimum", () => {
    assert.deepEqual(
      ["3.71", "3.100", "3.70", "3.60", "3.56"].map((max) => negotiate("block-storage", offer(max, "3.0"))),
      ["3.70", "3.70", "3.70", "3.60", "3.56"].map((version) => ({ version })),
    );
    assert.deepEqual(negotiate("compute", offer("2.9")), { version: "2.9" });
  });

  it("says what is too old and what it is needed for", () => {
    assert.deepEqual(negotiate("block-storage", offer("3.55", "3.0")), {
      problem:
        "the service has microversions up to 3.55; at least 3.56 is needed, since it shows who created a backup, without which nothing can be known to be ours",
    });
    assert.deepEqual(negotiate("compute", offer("")), {
      problem: "the service has no microversions; at least 2.9 is needed, since it shows whether a server is locked",
    });
    assert.deepEqual(negotiate("compute", offer("2.200", "2.100")), {
      problem: "the service starts at microversion 2.100; the newest known here is 2.93",
    });
  });
});

describe("version documents", () => {
  it("are read as a list and as a single one", () => {
    const list = new Row(
      {
        versions: [
          { id: "v2.0", version: "", min_version: "" },
          { id: "v2.1", version: "2.93", min_version: "2.1" },
          { id: "v3.0", version: "3.70", min_version: "3.0" },
        ],
      },
      "answer",
    );
    const offers = readOffers(list);
    assert.deepEqual(offerFor(offers, "v2.1"), { id: "v2.1", minimum: "2.1", maximum: "2.93" });
    assert.deepEqual(offerFor(offers, "v3"), { id: "v3.0", minimum: "3.0", maximum: "3.70" });
    assert.equal(offerFor(offers, "v4"), undefined);
    const single = new Row({ version: { id: "v2.1", version: "2.93", min_version: "2.1" } }, "answer");
    assert.deepEqual(readOffers(single), [{ id: "v2.1", minimum: "2.1", maximum: "2.93" }]);
  });
});
