import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { TemplateName } from "../../src/report/templates.ts";
import { nights, run } from "./support/digest-nights.ts";
import { startMailServer } from "./support/mail-server.ts";
import { smtpTo, startBench } from "./support/outbox.ts";

async function night(t: TestContext, files: Partial<Record<TemplateName, string>>) {
  const directory = await mkdtemp(join(tmpdir(), "dirigent-templates-"));
  t.after(() => rm(directory, { recursive: true }));
  const templates: Record<string, string> = {};
  for (const [name, text] of Object.entries(files)) {
    templates[name] = join(directory, name);
    await writeFile(join(directory, name), text);
  }
  const server = await startMailServer();
  t.after(() => server.close());
  const bench = await startBench(t, { smtp: smtpTo(server), templates: templates });
  await bench.queue(nights.awful, ["owner@example.org"]);
  await bench.queueRun(run(), ["ops@example.org"]);
  await bench.deliver();
  const to = (receiver: string) => server.arrived.find((each) => each.to[0] === receiver)?.mail;
  return { owner: to("owner@example.org"), operators: to("ops@example.org"), logged: bench.logged, directory };
}

const page = (inner: string): string =>
  `<mjml><mj-body><mj-section><mj-column>${inner}</mj-column></mj-section></mj-body></mjml>`;

describe("templates of the operator's own", () => {
  it("take the built-in one's place; what tenants wrote is escaped in them, too", async (t) => {
    const { logged, owner } = await night(t, {
      "project.mjml": page("<mj-text>Hello {{ project.name }}: {{ verdict.headline }}</mj-text>"),
      "project.txt": "Hello {{ project.name }}",
    });
    assert.match(
      owner?.html ?? "",
      /Hello &lt;script&gt;alert\(&#34;web&#34;\)&lt;\/script&gt; .*: 8 of 9 volumes not backed up/,
    );
    assert.match(owner?.text ?? "", /^Hello <script>alert\("web"\)<\/script>/);
    assert.deepEqual(logged, []);
  });

  for (const [name, files] of [
    ["that is no MJML", { "project.mjml": "<html>" }],
    ["with an element that MJML does not know", { "project.mjml": page("<mj-txt>x</mj-txt>") }],
    ["with broken Liquid", { "project.mjml": page("<mj-text>{% if %}{{ project.name</mj-text>") }],
    ["with a name that there is not", { "project.mjml": page("<mj-text>{{ projekt.name }}</mj-text>") }],
    ["that reads another file", { "project.mjml": page(`<mj-text>{% include "/etc/passwd" %}</mj-text>`) }],
    ["of text that is broken", { "project.txt": "{% for x in %}" }],
    ["that would never end", { "project.txt": "{% for i in (1..100000000) %}x{% endfor %}" }],
    ["of the operators' that is broken", { "operators.mjml": page("<mj-text>{{ nothing }}</mj-text>") }],
    ["of the operators' text that is broken", { "operators.txt": "{{ nothing }}" }],
  ] as const) {
    it(`a template ${name} is replaced by the built-in one, and both log and operators' digest say so`, async (t) => {
      const { directory, logged, operators, owner } = await night(t, files);
      assert.match(owner?.html ?? "", /8 of 9 volumes not backed up[\s\S]*Needs attention/);
      assert.match(owner?.text ?? "", /NEEDS ATTENTION/);
      assert.match(operators?.text ?? "", /FAILURES/);
      const [file = ""] = Object.keys(files);
      const path = join(directory, file);
      assert.equal(logged.length, 1);
      assert.ok(logged[0]?.startsWith(`template ${path} broken, so the built-in one is used: `), logged[0]);
      for (const part of [operators?.text, operators?.html]) assert.ok(part?.includes(`template ${path}`));
      assert.doesNotMatch(owner?.html ?? "", /root:x:0/);
    });
  }

  it("one that is missing is a broken one", async (t) => {
    const server = await startMailServer();
    t.after(() => server.close());
    const bench = await startBench(t, { smtp: smtpTo(server), templates: { "project.mjml": "/no/such/file.mjml" } });
    await bench.queue(nights.good, ["owner@example.org"]);
    await bench.deliver();
    assert.match(server.arrived[0]?.mail.html ?? "", /All 12 volumes backed up/);
    assert.match(bench.logged[0] ?? "", /ENOENT/);
  });
});
