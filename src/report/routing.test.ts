import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { nightReport } from "../../test/unit/support/digest-nights.ts";
import {
  asResends,
  deliveriesOfMembers,
  deliveriesOfReport,
  deliveriesOfRun,
  projectAddress,
  type Routing,
} from "./routing.ts";

const now = new Date("2026-11-21T02:00:00Z");
const report = nightReport();
const routing: Routing = {
  mail: {
    operators: ["ops@example.org", "OPS@example.org", "boss@example.org"],
    receivers: ["all@example.org", "web-shop@example.org"],
    projectAddress: "{PROJECT_NAME}@example.org",
    members: true,
  },
  webhook: true,
  ping: true,
  retryForMs: 1000,
};

describe("routing", () => {
  it("queues a project's report for its receivers, each once, its members and the webhook", () => {
    const rows = deliveriesOfReport(report, routing, now);
    assert.deepEqual(
      rows.map(({ channel, receiver }) => [channel, receiver]),
      [
        ["mail", "all@example.org"],
        ["mail", "web-shop@example.org"],
        ["members", ""],
        ["webhook", ""],
      ],
    );
    assert.deepEqual(rows[0], {
      id: `${report.id}.mail.d4b1ec11b65c`,
      channel: "mail",
      subject: "project",
      runId: report.runId,
      reportId: report.id,
      projectId: report.projectId,
      receiver: "all@example.org",
      state: "queued",
      attempts: 0,
      createdAt: now,
      nextAttemptAt: now,
      giveUpAt: new Date(now.getTime() + 1000),
      endedAt: null,
      lastError: null,
      resendOf: null,
    });
    assert.equal(new Set(rows.map(({ id }) => id)).size, 4);
  });

  it("queues a run's end for operators, and pings only when the run was complete", () => {
    const channels = (outcome: "ok" | "partial" | "failed" | "interrupted") =>
      deliveriesOfRun({ id: "r", outcome }, routing, now).map(({ channel, receiver }) =>
        `${channel} ${receiver}`.trim(),
      );
    const told = ["mail OPS@example.org", "mail boss@example.org", "webhook"];
    assert.deepEqual(channels("ok"), [...told, "ping"]);
    assert.deepEqual(channels("partial"), [...told, "ping"]);
    assert.deepEqual(channels("failed"), told);
    assert.deepEqual(channels("interrupted"), told);
  });

  it("queues nothing where nothing is configured", () => {
    const nothing: Routing = { mail: null, webhook: false, ping: false, retryForMs: 1000 };
    assert.deepEqual(deliveriesOfReport(report, nothing, now), []);
    assert.deepEqual(deliveriesOfRun({ id: "r", outcome: "ok" }, nothing, now), []);
  });

  it("makes one address of a project's name or none, and operators hear of none", () => {
    const of = (name: string) => projectAddress("{PROJECT_NAME}@example.org", { id: "8d1f", name });
    assert.equal(of("web-shop_1.x+y"), "web-shop_1.x+y@example.org");
    for (const name of [
      "",
      "a b",
      "a@evil.org, b",
      "a\r\nBcc: x",
      "<script>",
      "ü",
      '"a"',
      ".a",
      "a..b",
      "x".repeat(65),
    ]) {
      assert.equal(of(name), null, name);
    }
    assert.equal(projectAddress("backup+{PROJECT_ID}@x.org", { id: "8d1f", name: "a b" }), "backup+8d1f@x.org");

    const [, failed] = deliveriesOfReport({ ...report, projectName: "a b" }, routing, now)
      .filter(({ channel }) => channel === "mail")
      .slice(1);
    assert.deepEqual(
      [failed?.state, failed?.endedAt, failed?.lastError],
      ["failed", now, "no mail address can be made of the project's name; use {PROJECT_ID} in mail.project_address"],
    );
  });

  it("whatever a project is called, its address is one of the domain's", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        const address = projectAddress("{PROJECT_NAME}@example.org", { id: "8d1f", name });
        assert.ok(address === null || /^[\w.+-]+@example\.org$/.test(address));
      }),
    );
  });

  it("puts one mail for each member's address in their row's place; who gets it anyhow has the same id", () => {
    const rows = deliveriesOfReport(report, routing, now);
    const members = rows.find(({ channel }) => channel === "members")!;
    const mails = deliveriesOfMembers(members, ["All@example.org", "eve@example.org", "EVE@example.org"], now);
    assert.deepEqual(
      mails.map(({ channel, receiver, state }) => [channel, receiver, state]),
      [
        ["mail", "All@example.org", "queued"],
        ["mail", "EVE@example.org", "queued"],
      ],
    );
    assert.equal(mails[0]?.id, rows[0]?.id);
  });

  it("a resend has an id of its own that names the first, also when members stood for it", () => {
    const again = asResends(deliveriesOfReport(report, routing, now), 2);
    assert.deepEqual(
      again.map(({ id, resendOf }) => [id.endsWith(".again-2"), id.slice(0, -".again-2".length) === resendOf]),
      again.map(() => [true, true]),
    );
    const members = again.find(({ channel }) => channel === "members")!;
    const [mail] = deliveriesOfMembers(members, ["eve@example.org"], now);
    assert.equal(mail?.id, `${mail?.resendOf}.again-2`);
    assert.match(mail.resendOf ?? "", /\.mail\.[0-9a-f]{12}$/);
  });
});
