import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isMarked, markTime, readMarks, workKey, slotTimeMs } from "./marks.ts";

describe("readMarks", () => {
  it("reads what the conductor writes", () => {
    assert.deepEqual(
      readMarks({
        __automated_backup: "True",
        "dirigent:key": "v1/default/2026-11-20T23:00:00Z",
        "dirigent:policy": "default",
        "dirigent:slot": "2026-11-20T23:00:00Z",
        "dirigent:server": "s1",
        "dirigent:set": "s1/2026-11-20T23:00:00Z",
        "dirigent:parent": "b1",
        "dirigent:keep-until": "2026-12-04T23:00:00Z",
        "dirigent:hold": "2026-11-25T00:00:00Z",
        "dirigent:verdict": "good 2026-11-22",
        "dirigent:volume-type": "fast",
        "dirigent:archive": "True",
        "dirigent:full-number": "3",
        "dirigent:asked": "volume=7d@2026-11-20T00:00:00Z",
      }),
      {
        key: "v1/default/2026-11-20T23:00:00Z",
        policy: "default",
        slot: "2026-11-20T23:00:00Z",
        serverId: "s1",
        set: "s1/2026-11-20T23:00:00Z",
        parentId: "b1",
        keepUntil: new Date("2026-12-04T23:00:00Z"),
        held: true,
        verdict: "good 2026-11-22",
        volumeType: "fast",
        archived: true,
        fullNumber: 3,
        retention: null,
        adopted: false,
        asked: "volume=7d@2026-11-20T00:00:00Z",
      },
    );
  });

  it("takes nothing from what is missing", () => {
    assert.deepEqual(readMarks({}), {
      key: null,
      policy: null,
      slot: null,
      serverId: null,
      set: null,
      parentId: null,
      keepUntil: null,
      held: false,
      verdict: null,
      volumeType: null,
      archived: false,
      fullNumber: null,
      retention: null,
      adopted: false,
      asked: null,
    });
  });

  it("takes nothing from what is empty, but a hold and the type of a cloud without types", () => {
    const { key, parentId, keepUntil, held, volumeType } = readMarks({
      "dirigent:key": "",
      "dirigent:parent": "",
      "dirigent:keep-until": "",
      "dirigent:hold": "",
      "dirigent:volume-type": "",
    });
    assert.deepEqual(
      { key, parentId, keepUntil, held, volumeType },
      {
        key: null,
        parentId: null,
        keepUntil: null,
        held: true,
        volumeType: "",
      },
    );
  });

  it("takes no date from what is none", () => {
    assert.equal(readMarks({ "dirigent:keep-until": "tomorrow" }).keepUntil, null);
  });
});

describe("isMarked", () => {
  it("takes any case of true and nothing else", () => {
    for (const value of ["True", "true", "TRUE"]) assert.ok(isMarked({ __automated_backup: value }), value);
    for (const value of ["", "yes", "False", "1"]) assert.ok(!isMarked({ __automated_backup: value }), value);
    assert.ok(!isMarked({ "dirigent:key": "True" }));
  });
});

describe("markTime and workKey", () => {
  it("write instants without fractions, in UTC", () => {
    assert.equal(markTime(new Date("2026-11-21T00:00:00.987+02:00")), "2026-11-20T22:00:00Z");
    assert.equal(workKey("v1", "default", "2026-11-20T22:00:00Z"), "v1/default/2026-11-20T22:00:00Z");
  });
});

describe("slotTimeMs", () => {
  it("reads the slots of schedules, and nothing out of those of manual runs", () => {
    assert.deepEqual(["2026-11-21T00:00:00Z", "manual:1", "manual:adopted-12", "soon", "2026", null].map(slotTimeMs), [
      Date.parse("2026-11-21T00:00:00Z"),
      NaN,
      NaN,
      NaN,
      NaN,
      NaN,
    ]);
  });
});
