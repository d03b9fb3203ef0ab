import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { join } from "node:path";
import { describe, it } from "node:test";
import { policyHook } from "./index.ts";
import { formOf, formType, markedTarget, recordedCheck, recordedCredentials } from "./testing.ts";

const root = join(import.meta.dirname, "../../..");

describe("the policy hook in another server", () => {
  it("is what the package exports", async () => {
    const text = readFileSync(join(root, "package.json"), "utf8");
    const { exports } = JSON.parse(text) as { exports: Record<string, Record<string, string>> };
    const { types, default: compiled } = exports["./policy-hook"] ?? {};
    // The build puts src/x.ts at dist/src/x.js.
    const source = (path = ""): string => path.replace("./dist/", "").replace(/(\.d\.ts|\.js)$/, ".ts");
    assert.equal(source(types), source(compiled));
    assert.equal(((await import(join(root, source(compiled)))) as { policyHook: unknown }).policyHook, policyHook);
  });

  it("answers in a server that knows nothing of Hono", async () => {
    const { fetch } = policyHook({ conductorUserIds: ["writer"] });
    const host = createServer((request, response) => {
      void (async () => {
        const headers = Object.entries(request.headers).map(
          ([name, value]) => [name, String(value)] as [string, string],
        );
        const body = request.method === "POST" ? { body: new Uint8Array(await buffer(request)) } : {};
        const { method = "GET", url = "/" } = request;
        const answer = await fetch(
          new Request(`http://host${url.replace(/^\/hook/, "")}`, { method, headers, ...body }),
        );
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        response.end(await answer.text());
      })();
    });
    host.listen(0, "127.0.0.1");
    await once(host, "listening");
    try {
      const address = host.address();
      assert.ok(typeof address === "object" && address !== null);
      const ask = async (check: typeof recordedCheck): Promise<string> => {
        const init = { method: "POST", headers: { "content-type": formType }, body: formOf(check) };
        const response = await globalThis.fetch(`http://127.0.0.1:${address.port}/hook/v1/backup`, init);
        return `${response.status} ${await response.text()}`;
      };
      assert.equal(await ask(recordedCheck), "200 True");
      assert.equal(await ask({ ...recordedCheck, target: markedTarget }), "401 False");
      const credentials = { ...recordedCredentials, user_id: "writer" };
      assert.equal(await ask({ ...recordedCheck, target: markedTarget, credentials }), "200 True");
    } finally {
      host.close();
    }
  });

  it("wants a conductor", () => {
    assert.throws(() => policyHook({ conductorUserIds: [] }), RangeError);
  });
});
