import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { messageOf, readBody, refusal, type Answer, type Method, type RequestInfo } from "./answer.ts";
import { CloudError, isNotFound, QuotaExceeded } from "./errors.ts";

const info = (method: Method = "POST", more: Partial<RequestInfo> = {}): RequestInfo => ({
  service: "block-storage",
  method,
  route: "backups",
  sentRequestId: "req-sent",
  preparing: false,
  secrets: ["s3cret"],
  ...more,
});
const answer = (status: number, text: string, headers: Record<string, string> = {}): Answer => ({
  status,
  text,
  headers: new Map(Object.entries(headers)),
  requestId: "req-answer",
});

describe("messageOf", () => {
  const cases: [name: string, text: string, message: string][] = [
    ["Cinder's and Nova's", '{"badRequest": {"code": 400, "message": "Invalid volume"}}', "Invalid volume"],
    ["Keystone's", '{"error": {"code": 401, "message": "Not you", "title": "Unauthorized"}}', "Not you"],
    ["a gateway's", '{"message": "too many"}', "too many"],
    ["JSON without a message", '{"a": [1, null]}', "no message"],
    ["JSON that is no object", '"oops"', "no message"],
    ["nothing", "", "no message"],
    [
      "a proxy's page",
      "<html><head><title>x</title></head><body><h1>502 Bad Gateway</h1>\n<p>nginx</p></body></html>",
      "502 Bad Gateway nginx",
    ],
    ["control characters", '{"error": {"message": "a\\u001b[31m\\r\\nb"}}', "a [31m b"],
    ["a secret that is echoed", '{"error": {"message": "bad password s3cret given"}}', "bad password *** given"],
  ];
  for (const [name, text, message] of cases) {
    it(name, () => {
      assert.equal(messageOf(text, ["s3cret"]), message);
    });
  }

  it("ends somewhere", () => {
    assert.equal(messageOf(JSON.stringify({ error: { message: "x".repeat(5000) } }), []), `${"x".repeat(1000)}...`);
  });
});

describe("refusal", () => {
  it("carries what the service said and which request it was", () => {
    const error = refusal(info(), answer(400, '{"badRequest": {"message": "Invalid backup"}}'));
    assert.equal(error.message, "POST block-storage/backups answered 400: Invalid backup");
    assert.deepEqual(JSON.parse(JSON.stringify(error)), {
      detail: "Invalid backup",
      kind: "answer",
      service: "block-storage",
      method: "POST",
      route: "backups",
      status: 400,
      requestId: "req-answer",
      sentRequestId: "req-sent",
      reached: "yes",
    });
  });

  it("knows a quota by its body or by Retry-After: 0", () => {
    const body = '{"overLimit": {"code": 413, "message": "BackupLimitExceeded", "retryAfter": "0"}}';
    const kinds = [
      refusal(info(), answer(413, body, { "retry-after": "0" })),
      refusal(info(), answer(413, body)),
      refusal(info(), answer(413, "<h1>413</h1>", { "retry-after": "0" })),
      refusal(info(), answer(413, "<h1>Request Entity Too Large</h1>")),
    ];
    assert.deepEqual(
      kinds.map((error) => [error instanceof QuotaExceeded, error.reached]),
      [
        [true, "yes"],
        [true, "yes"],
        [true, "yes"],
        [false, "yes"],
      ],
    );
    assert.equal(kinds[0]?.detail, "BackupLimitExceeded");
  });

  it("believes a 404 only of the service itself", () => {
    const missing = '{"itemNotFound": {"code": 404, "message": "Backup b1 could not be found."}}';
    const found = [
      refusal(info("GET"), answer(404, missing)),
      refusal(info("GET"), answer(404, "<html>404 Not Found</html>")),
      refusal(info("GET"), answer(404, '{"message": "The resource could not be found.", "code": "404 Not Found"}')),
      refusal(info("GET", { preparing: true }), answer(404, missing)),
      refusal(info("GET"), answer(410, missing)),
    ];
    assert.deepEqual(found.map(isNotFound), [true, false, false, false, false]);
    assert.deepEqual(
      found.map((error) => error.status),
      [404, 404, 404, 404, 410],
    );
  });

  it("says whether the work may have been done", () => {
    const reached = (method: Method, status: number, more: Partial<RequestInfo> = {}): string =>
      refusal(info(method, more), answer(status, "")).reached;
    assert.deepEqual(
      [400, 401, 403, 404, 409, 429, 302].map((status) => reached("POST", status)),
      Array(7).fill("yes"),
    );
    assert.deepEqual(
      [500, 502, 503, 504, 200, 204].map((status) => reached("DELETE", status)),
      Array(6).fill("maybe"),
    );
    assert.equal(reached("GET", 503), "yes");
    assert.equal(reached("POST", 503, { preparing: true }), "no");
  });
});

describe("readBody", () => {
  it("turns a surprise into an error that leaves open what a write did", () => {
    const read = (method: Method, text: string): unknown => {
      try {
        return readBody(info(method), answer(200, text), (body) => body.row("backup").text("id"));
      } catch (error) {
        assert.ok(error instanceof CloudError);
        return [error.kind, error.reached, error.detail];
      }
    };
    assert.equal(read("GET", '{"backup": {"id": "b1"}}'), "b1");
    assert.deepEqual(read("GET", "{}"), ["malformed", "yes", "answer.backup is not an object"]);
    assert.deepEqual(read("POST", '{"backup": {"id": 5}}'), ["malformed", "maybe", "answer.backup.id is not a text"]);
    assert.deepEqual(read("POST", "<html>s3cret"), ["malformed", "maybe", "the answer is not JSON: <html>***"]);
  });
});
