import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fernetKey, openFernet } from "./fernet.ts";

const open = (token: string, keyText: string): string | null => {
  const key = fernetKey(keyText);
  assert.ok(key !== null);
  return openFernet(token, key);
};

describe("Fernet tokens", () => {
  // github.com/fernet/spec: generate.json, verify.json and invalid.json.
  const specKey = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
  const specToken =
    "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";

  it("of the specification open", () => assert.equal(open(specToken, specKey), "hello"));

  for (const [name, token] of [
    [
      "incorrect mac",
      "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
    ],
    ["too short", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA=="],
    [
      "invalid base64",
      "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
    ],
    [
      "payload size not multiple of block size",
      "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm",
    ],
    [
      "payload padding error",
      "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
    ],
    [
      "incorrect IV (causes padding error)",
      "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
    ],
  ] as const) {
    it(`of the specification are refused: ${name}`, () => assert.equal(open(token, specKey), null));
  }

  it("made by Python's cryptography 48.0.0 open, whatever their age, with text that is not ASCII", () => {
    const key = "6P1ve0IOoBe_v8Y0SJ0mPm2oVVBbrTnuSQFWA4ONNCw=";
    const recent =
      "gAAAAABrAWLoA5S6JDzE-OJxJodJ4oEO7QrNee4O1lU1faKxAr_uQKXkFBKut34VB08BSyG_XQhXSg_AIX8Ofhps8NQ4m1v4WjZdnBB4-7ZCfgsG3mQMRxA=";
    const old =
      "gAAAAABlU_EAXO7kgEaZd_odSXHKQPQQFtAPXUqH5GDd4TZC_LzssI-MwRUhTbaqaaC_pYP-wgLn5Co-IZKCivtkPfwBm2iFfpF1GPGrAxD-GYWlTBttD78=";
    assert.equal(open(recent, key), "Ørsted: pa$$ 🔑 word");
    assert.equal(open(old, key), "0123456789abcdef");
    assert.equal(open(old, specKey), null, "another key");
  });

  it("are refused with any one character changed", () => {
    // The last one before the padding has four bits that mean nothing.
    for (let at = 0; at < specToken.length - 3; at += 1) {
      const changed = `${specToken.slice(0, at)}${specToken[at] === "B" ? "C" : "B"}${specToken.slice(at + 1)}`;
      assert.equal(open(changed, specKey), null, String(at));
    }
  });

  it("have keys of 32 bytes only", () => {
    for (const text of [
      "",
      specKey.slice(4),
      `${specKey}AAAA`,
      specKey.slice(0, -1),
      "not a key at all, surely not one",
    ])
      assert.equal(fernetKey(text), null, text);
  });
});
