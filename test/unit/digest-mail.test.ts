import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { messageId } from "../../src/report/message.ts";
import type { ProjectReport } from "../../src/domain/runs.ts";
import { line, nightReport, nights, run } from "./support/digest-nights.ts";
import { startMailServer, type Arrived } from "./support/mail-server.ts";
import { sender, smtpTo, startBench, type Bench } from "./support/outbox.ts";

/** Sends a report to a real SMTP server, and returns what arrived there. */
async function sendReport(t: TestContext, report: ProjectReport, to = "owner@example.org"): Promise<Arrived> {
  const server = await startMailServer();
  t.after(() => server.close());
  const bench = await startBench(t, { smtp: smtpTo(server) });
  await bench.queue(report, [to]);
  await bench.deliver();
  assert.equal(server.arrived.length, 1, bench.logged.join("\n"));
  return server.arrived[0]!;
}

/** What stands in a section of the text, without empty lines. */
const rowsOf = (section: string): readonly string[] =>
  section
    .split("\n")
    .slice(1)
    .map((row) => row.trim())
    .filter((row) => row !== "");
const header = ({ mail }: Arrived, name: string): string | undefined =>
  mail.headers.find(({ key }) => key === name)?.value;
const htmlOf = ({ mail }: Arrived): string => mail.html ?? "";
const textOf = ({ mail }: Arrived): string => mail.text ?? "";

describe("the digest as it arrives", () => {
  it("has both parts, a fixed Message-ID, and nobody's absence note answers it", async (t) => {
    const arrived = await sendReport(t, nights.bad);
    const { mail } = arrived;
    assert.deepEqual([arrived.from, arrived.to], ["backup@cloud.example.org", ["owner@example.org"]]);
    assert.deepEqual(mail.from, { name: "Backup of Example", address: "backup@cloud.example.org" });
    assert.deepEqual(
      mail.to?.map(({ address }) => address),
      ["owner@example.org"],
    );
    assert.equal(mail.subject, "web-shop: 3 of 11 volumes not backed up · 21 Nov 2026");
    assert.match(
      mail.messageId ?? "",
      /^<6b1f3c52-8a8e-4f5e-9c6d-1b6c1f0a9a01\.mail\.[0-9a-f]{12}@cloud\.example\.org>$/,
    );
    assert.equal(header(arrived, "auto-submitted"), "auto-generated");
    assert.match(header(arrived, "content-type") ?? "", /^multipart\/alternative/);
    assert.match(arrived.raw, /Content-Type: text\/plain; charset=utf-8/i);
    assert.match(arrived.raw, /Content-Type: text\/html; charset=utf-8/i);
    assert.equal(new Date(mail.date ?? "").toISOString(), "2026-11-21T02:00:00.000Z");
  });

  it("tells all that a tenant needs, in both parts, failures first", async (t) => {
    const arrived = await sendReport(t, nights.bad);
    for (const part of [textOf(arrived), htmlOf(arrived)]) {
      for (const wanted of [
        "3 of 11 volumes not backed up",
        "Sat 21 Nov 2026, 01:00 UTC", // backup time
        "Sun 22 Nov 2026, 00:00 UTC", // next
        "Wed 4 Nov 2026, 01:00 UTC", // oldest
        "Sat 21 Nov 2026, 01:18 UTC", // newest
        "801 GiB of 1000 GiB",
        "80.1%",
        "65 of 100",
        "65.0%",
        "The backup failed.",
        "The volume was in a state that does not allow a backup.",
        "Last good backup: Fri 20 Nov 2026, 01:00 UTC",
        "No good backup of this volume is known.",
        "The requested retention is below the minimum. (backup_retention: 6h, at least 1d)",
        "What you asked for is not valid, so nothing changes. (backup_retention: next tuesday)",
        "web-03",
        "50 GiB",
        "1 min 17 s",
        "incremental",
        "Skipped at your request.",
      ]) {
        assert.ok(part.includes(wanted), wanted);
      }
      assert.ok(part.indexOf("The backup failed.") < part.indexOf("1 min 17 s"));
    }
  });

  it("never shows a tenant the service's own words", async (t) => {
    for (const report of [nights.bad, nights.awful]) {
      const arrived = await sendReport(t, report);
      for (const part of [textOf(arrived), htmlOf(arrived)]) {
        assert.doesNotMatch(part, /backup_mount|ctl-2|Errno|BackupLimitExceeded/);
      }
    }
  });

  for (const [used, limit, colour, says] of [
    [499, 1000, "green", "49.9%"],
    [500, 1000, "yellow", "50.0%"],
    [800, 1000, "yellow", "80.0%"],
    [801, 1000, "red", "80.1%"],
    [5, 0, "red", "no quota"],
    [5, -1, "green", "unlimited"],
  ] as const) {
    it(`colours ${says} ${colour}`, async (t) => {
      const quota = { gigabytes: { limit, used }, backups: { limit: 10, used: 6 } };
      const arrived = await sendReport(t, nightReport({ quota }));
      const ink = { green: "#1a7f37", yellow: "#9a6700", red: "#c3232c" }[colour];
      assert.ok(htmlOf(arrived).includes(`<b class="fg-${colour}" style="color:${ink}">${says}</b>`));
      const figures = limit < 0 ? `${used} GiB` : `${used} GiB of ${limit} GiB`;
      assert.ok(textOf(arrived).includes(`Backup gigabytes: ${figures} (${says}) [${colour.toUpperCase()}]`));
      assert.ok(textOf(arrived).includes("Number of backups: 6 of 10 (60.0%) [YELLOW]"));
    });
  }

  it("tells policies, backups and snapshots apart, in both parts", async (t) => {
    const arrived = await sendReport(t, nights.mixed);
    assert.equal(arrived.mail.subject, "web-shop: 3 of 10 restore points not made · 21 Nov 2026");
    const text = textOf(arrived);
    const [, ...sections] = text.split(/\n(?=[A-Z ]{5,}(?:\(\d+\))?\n)/);
    assert.deepEqual(Object.fromEntries(sections.map((section) => [section.split("\n")[0], rowsOf(section)])), {
      "NEEDS ATTENTION": [
        "[FAILED] web-03 / root by daily_5 (snapshot, 10 GiB)",
        "The project's quota has no room for the snapshot.",
        "Last good snapshot: Fri 20 Nov 2026, 01:00 UTC",
        "[FAILED] web-02 / root by monthly (incremental, 40 GiB, 26 s)",
        "The backup failed.",
        "No good backup of this volume is known.",
        "[NO SNAPSHOT] web-04 / root by daily_5",
        "The volume was in a state that does not allow a snapshot.",
        "No good snapshot of this volume is known.",
      ],
      "PLEASE CHECK": [
        "- root: No new snapshots are made, and those there are will be removed, as you asked.",
        "- data: What you asked for is not valid, so nothing changes. (backup_policy: no policy hourly)",
      ],
      QUOTA: [
        "- Backup gigabytes: 1340 GiB of 2000 GiB (67.0%) [YELLOW]",
        "- Number of backups: 71 of 200 (35.5%) [GREEN]",
        "- Gigabytes of volumes and snapshots: 470 GiB of 1000 GiB (47.0%) [GREEN]",
        "- Number of snapshots: 18 of 20 (90.0%) [RED]",
        "- Gigabytes of volumes and snapshots of type fast: 310 GiB of 400 GiB (77.5%) [YELLOW]",
      ],
      "RESTORE POINTS MADE (7)": [
        "[OK] web-01 / data by default (full, 10 GiB, 4 s)",
        "[OK] web-01 / root by default (incremental, 20 GiB, 11 s)",
        "[OK] web-02 / data by default (incremental, 30 GiB, 19 s)",
        "[OK] web-03 / data by monthly (full, 50 GiB, 33 s)",
        "[OK] web-01 / data by daily_5 (snapshot, 10 GiB, 1 s)",
        "[OK] web-01 / root by daily_5 (snapshot, 20 GiB, 1 s)",
        "[OK] web-03 / data by daily_5 (snapshot, 50 GiB, 2 s)",
      ],
      "SNAPSHOTS OF WHOLE SERVERS": [
        "[PARTIAL] web-03 by daily_5: only 1 of 2 volumes: each is of use for itself, not as a whole",
        "[OK] web-01 by daily_5: all 2 volumes together, within 812 ms",
      ],
      "SKIPPED (1)": [
        "- web-05 / root: The operators have left it out.",
        "Expired backups and snapshots removed: 9.",
        "--",
        "Report 6b1f3c52-8a8e-4f5e-9c6d-1b6c1f0a9a01 of Sat 21 Nov 2026, 01:24 UTC.",
        "Sent by Dirigent, the backup service of your cloud.",
      ],
    });
    for (const wanted of ["Backups:              71", "Snapshots:            18", "Next run:             "]) {
      assert.ok(text.includes(wanted), wanted);
    }
    const html = htmlOf(arrived);
    for (const wanted of [
      "<h2>Restore points made <span",
      ">snapshot<i>10 GiB &middot; 1 s</i>",
      "<i>web-03 &middot; daily_5 &middot; snapshot, 10 GiB</i>",
      "Last good snapshot: Fri 20 Nov 2026, 01:00 UTC",
      "web-01<i>daily_5 &middot; all 2 volumes together, within 812 ms</i>",
      "Number of snapshots: 18 of 20",
    ]) {
      assert.ok(html.includes(wanted), wanted);
    }
  });

  it("counts snapshots alone as snapshots, several backups of one volume as backups, and a partial set as worth a look", async (t) => {
    const { lines, sets } = nights.mixed;
    const subject = async (report: ProjectReport): Promise<string> => (await sendReport(t, report)).mail.subject ?? "";
    const made = lines.filter(({ outcome }) => outcome === "succeeded");
    const snapshots = made.filter(({ mechanism }) => mechanism === "snapshot");
    assert.match(await subject(nightReport({ lines: snapshots, sets })), /: All 3 snapshots made ·/);
    const twice = [line(0), line(0, { policy: "monthly" })];
    assert.match(await subject(nightReport({ lines: twice })), /: All 2 backups made ·/);
    const html = htmlOf(await sendReport(t, nightReport({ lines: snapshots, sets })));
    assert.match(html, /class="band bg-yellow"/);
    assert.doesNotMatch(html, /daily_5 &middot; snapshot/, "the only policy has no need of a name");
  });

  it("shows success green and failure red", async (t) => {
    const html = htmlOf(await sendReport(t, nights.bad));
    assert.match(html, /<b class="fg-red" style="color:#c3232c">failed<\/b>/);
    assert.match(html, /<b class="fg-green" style="color:#1a7f37">&#10003;<\/b>/);
    assert.match(html, /class="band bg-red"/);
    assert.match(htmlOf(await sendReport(t, nights.good)), /class="band bg-green"/);
  });

  it("a project named <script>, header injection, escape sequences and emoji are only text", async (t) => {
    const arrived = await sendReport(t, nights.awful);
    const { mail } = arrived;
    assert.equal(
      mail.subject,
      `<script>alert("web")</script> 🦄 & Söhne…Bcc: all@example.org: 8 of 9 volumes not backed up · 21 Nov 2026`,
    );
    assert.deepEqual(arrived.to, ["owner@example.org"]);
    assert.equal(header(arrived, "bcc"), undefined);
    const html = htmlOf(arrived);
    assert.doesNotMatch(html, /<script|<img src=x|onerror=alert\(1\)>[^&]*<\/script/i);
    assert.ok(html.includes("&lt;script&gt;alert(&#34;web&#34;)&lt;/script&gt; 🦄 &amp; Söhne"));
    assert.ok(html.includes("&lt;img src=x onerror=alert(1)&gt;"));
    for (const part of [html, textOf(arrived)]) {
      // Nothing that drives a terminal or turns text round.
      assert.doesNotMatch(part, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      assert.ok(part.includes(String.raw`\x1b[31mred\x1b[0m \u202egpj.exe`));
    }
  });

  it("a name with line breaks in it makes no header, whatever comes after them", async (t) => {
    const names = [
      "a\r\nBcc: eve@example.org",
      "a\nX-Evil: 1\n\n<b>body</b>",
      "a\r\n\r\nbody",
      "=?utf-8?B?DQpCY2M6IGV2ZQ==?=",
    ];
    for (const projectName of names) {
      const arrived = await sendReport(t, nightReport({ projectName, lines: [line(1)] }));
      const keys = arrived.mail.headers.map(({ key }) => key);
      assert.deepEqual(
        keys.filter((key) => ["bcc", "x-evil", "cc"].includes(key)),
        [],
      );
      assert.deepEqual(arrived.to, ["owner@example.org"]);
      assert.ok(textOf(arrived).startsWith("The volume was backed up"), projectName);
    }
  });

  it("300 volumes, three of them failed: all are there, below what Gmail shows", async (t) => {
    const lines = Array.from({ length: 300 }, (_, n) =>
      line(n, n % 100 === 50 ? { outcome: "failed", reason: "unavailable", serverName: `failed-${n}` } : {}),
    );
    const arrived = await sendReport(t, nightReport({ lines }));
    const html = htmlOf(arrived);
    assert.ok(Buffer.byteLength(html) < 102_000, String(Buffer.byteLength(html)));
    assert.ok(arrived.raw.length < 250_000, String(arrived.raw.length));
    assert.equal(html.match(/&#10003;/g)?.length, 297);
    assert.equal(textOf(arrived).match(/^\[OK\]/gm)?.length, 297);
    assert.ok(html.indexOf("failed-250") < html.indexOf("&#10003;"));
    assert.match(arrived.mail.subject ?? "", /: 3 of 300 volumes not backed up/);
  });

  it("thousands of volumes with names as long and as ugly as they can be still fit; what is left out is counted", async (t) => {
    const ugly = `"&'<>`.repeat(51);
    const lines = Array.from({ length: 4000 }, (_, n) =>
      line(n, { serverName: ugly, volumeName: ugly, ...(n < 2000 ? { outcome: "failed", reason: "refused" } : {}) }),
    );
    const arrived = await sendReport(t, nightReport({ lines }));
    assert.ok(Buffer.byteLength(htmlOf(arrived)) < 102_000);
    assert.ok(arrived.raw.length < 500_000, String(arrived.raw.length));
    const [, failed = "", succeeded = ""] = /and (\d+) more[\s\S]*and (\d+) more/.exec(htmlOf(arrived)) ?? [];
    const shown = htmlOf(arrived).match(/&#10007;/g)?.length ?? 0;
    assert.equal(Number(failed) + shown, 2000);
    assert.ok(Number(succeeded) > 1900);
  });

  it("is made for dark mode and for phones", async (t) => {
    const html = htmlOf(await sendReport(t, nights.good));
    assert.match(html, /<meta name="color-scheme" content="light dark">/);
    assert.match(html, /@media \(prefers-color-scheme: dark\)/);
    assert.match(html, /<meta name="viewport" content="width=device-width/);
    assert.match(html, /@media \(max-width: 479px\)/);
    assert.doesNotMatch(html, /<img|https?:\/\/(?!www\.w3\.org)/);
  });
});

describe("the operators' digest as it arrives", () => {
  async function sendRun(
    t: TestContext,
    reports: readonly ProjectReport[],
  ): Promise<{ arrived: Arrived; bench: Bench }> {
    const server = await startMailServer();
    t.after(() => server.close());
    const bench = await startBench(t, { smtp: smtpTo(server) });
    for (const report of reports) await bench.queue(report, []);
    await bench.queueRun(run({ outcome: "partial" }), ["ops@example.org"]);
    await bench.deliver();
    return { arrived: server.arrived[0]!, bench };
  }

  it("has the services' own words, and the projects with the worst first", async (t) => {
    const good = { ...nights.good, id: "good", projectId: "p-good", projectName: "research" };
    const { arrived } = await sendRun(t, [good, nights.bad]);
    assert.equal(arrived.mail.subject, "Backup: 3 of 23 volumes not backed up · 21 Nov 2026");
    const text = textOf(arrived);
    assert.match(text, /the backup ended in error: Backup driver reported an error: \[Errno 28\].* on host ctl-2@nfs/);
    assert.ok(
      text.indexOf("[RED] web-shop: 3 of 11") < text.indexOf("[GREEN] research: All 12 volumes backed up; 12 removed"),
    );
    assert.match(text, /web-shop, web-04: the requested retention is below the minimum/);
    const html = htmlOf(arrived);
    assert.ok(html.includes("&#39;/var/lib/cinder/backup_mount/3f/volume_0f0e/backup_00001&#39; on host ctl-2@nfs"));
    assert.match(html, /class="band bg-red"/);
  });

  it("tells of a run that failed before it had a project", async (t) => {
    const server = await startMailServer();
    t.after(() => server.close());
    const bench = await startBench(t, { smtp: smtpTo(server) });
    const message = "Keystone at https://127.0.0.1:5000 did not answer <b>";
    await bench.queueRun(run({ outcome: "failed", servers: null, volumes: null, message }), ["ops@example.org"]);
    await bench.deliver();
    const [arrived] = server.arrived;
    assert.equal(arrived?.mail.subject, "Backup: The run failed · 21 Nov 2026");
    assert.ok(arrived.mail.text?.includes(message));
    assert.ok(arrived.mail.html?.includes("did not answer &lt;b&gt;"));
  });

  it("stays small with hundreds of projects that all fail", async (t) => {
    const reports = Array.from({ length: 300 }, (_, n) => ({ ...nights.awful, id: `r${n}`, projectId: `p${n}` }));
    const { arrived } = await sendRun(t, reports);
    assert.ok(Buffer.byteLength(htmlOf(arrived)) < 102_000);
    assert.match(textOf(arrived), /PROJECTS \(300\)[\s\S]*more/);
  });

  it("tells of deliveries that failed", async (t) => {
    const server = await startMailServer();
    t.after(() => server.close());
    server.setMood((to) => (to === "gone@example.org" ? { code: 550, at: "RCPT" } : null));
    const bench = await startBench(t, { smtp: smtpTo(server) });
    await bench.queue(nights.good, ["gone@example.org"]);
    await bench.deliver();
    await bench.queueRun(run(), ["ops@example.org"]);
    await bench.deliver();
    const [arrived] = server.arrived;
    assert.match(arrived?.mail.text ?? "", /mail gone@example\.org of project 8d1f.*: given up: .*550/);
    assert.match(arrived?.mail.html ?? "", /class="band bg-yellow"/);
  });
});

it("a Message-ID is the delivery's id at the sender's domain", () => {
  assert.equal(messageId("r.mail.1", sender), "<r.mail.1@cloud.example.org>");
  assert.equal(messageId("r.mail.1", "backup@x.org"), "<r.mail.1@x.org>");
});
