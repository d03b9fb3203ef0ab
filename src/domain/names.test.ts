import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { at } from "../../test/unit/support/builders.ts";
import { backupName, nameDate, nameVariables, type NameValues } from "./names.ts";

const values: NameValues = {
  VOLUME_NAME: "data",
  BACKUP_DATE: "2026-11-21T00-00",
  VOLUME_ID: "v1",
  SERVER_NAME: "vm",
  PROJECT_ID: "p1",
  POLICY: "default",
  TIMESTAMP: "1795215600",
};

describe("backupName", () => {
  it("fills in each variable, wherever and how often it stands", () => {
    assert.equal(backupName("{VOLUME_NAME}-{BACKUP_DATE}", values), "data-2026-11-21T00-00");
    assert.equal(
      backupName(nameVariables.map((v) => `{${v}}`).join("/"), values),
      "data/2026-11-21T00-00/v1/vm/p1/default/1795215600",
    );
    assert.equal(backupName("[{POLICY}{POLICY}] {NO_SUCH}", values), "[defaultdefault] {NO_SUCH}");
  });

  it("does not fill in what a value says", () => {
    assert.equal(backupName("{VOLUME_NAME}", { ...values, VOLUME_NAME: "{POLICY}$&" }), "{POLICY}$&");
  });

  it("shortens the longest part", () => {
    const long = { ...values, VOLUME_NAME: "x".repeat(300), SERVER_NAME: "y".repeat(20) };
    assert.equal(
      backupName("{SERVER_NAME}-{VOLUME_NAME}-{BACKUP_DATE}", long),
      `${"y".repeat(20)}-${"x".repeat(255 - 20 - 2 - 16)}-2026-11-21T00-00`,
    );
  });

  it("shortens equally long parts alike", () => {
    const long = { ...values, VOLUME_NAME: "x".repeat(200), SERVER_NAME: "y".repeat(190) };
    assert.equal(
      backupName("{SERVER_NAME}{VOLUME_NAME}{TIMESTAMP}", long),
      `${"y".repeat(122)}${"x".repeat(123)}1795215600`,
    );
  });

  it("leaves a name of 255 characters whole, counted as Cinder counts", () => {
    const name = "💾".repeat(255);
    assert.equal(backupName("{VOLUME_NAME}", { ...values, VOLUME_NAME: name }), name);
    assert.equal(backupName("{VOLUME_NAME}", { ...values, VOLUME_NAME: `${name}💾` }), name);
  });

  it("shortens the template's own text when there is nothing else", () => {
    assert.equal(backupName(`${"a".repeat(300)}{BACKUP_DATE}`, values), `${"a".repeat(239)}2026-11-21T00-00`);
  });

  it("ends with what may not be cut even if that is too much", () => {
    const dates = "{BACKUP_DATE}".repeat(20);
    assert.equal(backupName(dates, values), values.BACKUP_DATE.repeat(20));
    assert.equal(backupName("{TIMESTAMP}".repeat(30), values), values.TIMESTAMP.repeat(30));
  });

  it("keeps the date whole and the limit, whatever the parts", () => {
    const text = fc
      .tuple(fc.string({ unit: fc.constantFrom("a", "ü", "💾", "}", "\ud800"), maxLength: 3 }), fc.nat({ max: 130 }))
      .map(([part, count]) => part.repeat(count));
    fc.assert(
      fc.property(text, text, text, (volume, server, fixed) => {
        const template = `${fixed.replaceAll("{", "")}{VOLUME_NAME}-{BACKUP_DATE}-{SERVER_NAME}`;
        const name = backupName(template, { ...values, VOLUME_NAME: volume, SERVER_NAME: server });
        assert.ok(Array.from(name).length <= 255);
        assert.ok(name.includes(values.BACKUP_DATE));
        const whole = Array.from(template).length - 39 + 16 + Array.from(volume + server).length;
        if (whole > 255) assert.equal(Array.from(name).length, 255);
      }),
    );
  });
});

describe("nameDate", () => {
  it("is local, with seconds only where there are any", () => {
    assert.equal(nameDate(at("2026-11-20T23:00:00Z"), "Europe/Berlin"), "2026-11-21T00-00");
    assert.equal(nameDate(at("2026-11-20T23:00:07.900Z"), "UTC"), "2026-11-20T23-00-07");
    assert.equal(nameDate(at("2026-06-20T22:15:00.900Z"), "Europe/Berlin"), "2026-06-21T00-15");
  });
});
