import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "./errors.ts";
import { settingsFrom } from "./load.ts";

const mail = { host: "mail.example.org", from: "Backup <backup@example.org>" };
const problems = (values: Readonly<Record<string, unknown>>): readonly string[] => {
  try {
    settingsFrom(values);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

describe("mail, webhook and ping", () => {
  it("are off by default", () => {
    const { mail: none, ping, templates, webhook } = settingsFrom({});
    assert.deepEqual([none, webhook, ping, templates], [null, null, null, {}]);
  });

  it("need a server and a sender, and have the usual ports", () => {
    assert.deepEqual(settingsFrom({ mail }).mail, {
      host: "mail.example.org",
      port: 587,
      tls: "starttls",
      ca: null,
      login: null,
      from: "Backup <backup@example.org>",
      operators: [],
      receivers: [],
      projectAddress: null,
      members: false,
      timeoutMs: 30_000,
      clientName: "localhost",
    });
    assert.equal(settingsFrom({ mail: { ...mail, tls: "implicit" } }).mail?.port, 465);
    assert.equal(settingsFrom({ mail: { ...mail, tls: "off" } }).mail?.port, 25);
    assert.equal(settingsFrom({ mail: { ...mail, tls: "off", port: 2525 } }).mail?.port, 2525);
    assert.match(problems({ mail: { host: "mail.example.org" } }).join(), /not mail\.from/);
    const asking = {
      operators: ["a@x.org"],
      receivers: ["b@x.org"],
      project_address: "{PROJECT_ID}@x.org",
      members: true,
    };
    assert.match(
      problems({ mail: asking }).join(),
      /^mail\.operators and mail\.receivers and mail\.project_address and mail\.members asks for mail, but there is no mail\.host/,
    );
  });

  it("a login has a name and a password, and the password never goes over the network in the clear", () => {
    const login = { user: "dirigent", password: "hunter2" };
    assert.deepEqual(settingsFrom({ mail: { ...mail, ...login } }).mail?.login, {
      user: "dirigent",
      password: { kind: "value", value: "hunter2" },
    });
    assert.deepEqual(settingsFrom({ mail: { ...mail, user: "d", password_file: "/p" } }).mail?.login?.password, {
      kind: "file",
      key: "mail.password",
      path: "/p",
    });
    assert.match(problems({ mail: { ...mail, user: "d" } }).join(), /mail\.user is set, but not mail\.password/);
    assert.match(problems({ mail: { ...mail, password: "p" } }).join(), /mail\.password is set, but not mail\.user/);
    const clear = problems({ mail: { ...mail, ...login, tls: "off" } }).join();
    assert.match(clear, /mail\.tls is off/);
    assert.doesNotMatch(clear, /hunter2/);
    assert.deepEqual(problems({ mail: { ...mail, ...login, tls: "off", host: "127.0.0.1" } }), []);
  });

  it("addresses are one address each", () => {
    for (const receiver of [
      "a",
      "a@b@c.org",
      "a b@c.org",
      "a@c.org, b@c.org",
      "a@c.org\r\nBcc: b@c.org",
      "<a@c.org>",
      "@c.org",
      ".a@c.org",
    ]) {
      assert.equal(problems({ mail: { ...mail, receivers: [receiver] } }).length, 1, receiver);
      assert.equal(problems({ mail: { ...mail, operators: [receiver] } }).length, 1, receiver);
    }
    for (const from of ["Backup <a@c.org>, b", "Backup\r\nX: 1 <a@c.org>", "a@c.org <b>", "A <a@c.org> <b@c.org>"]) {
      assert.equal(problems({ mail: { ...mail, from } }).length, 1, from);
    }
    for (const project_address of ["all@c.org", "{PROJECT}@c.org", "a@{PROJECT_NAME}", "{PROJECT_NAME}@a@c.org"]) {
      assert.equal(problems({ mail: { ...mail, project_address } }).length, 1, project_address);
    }
    assert.deepEqual(problems({ mail: { ...mail, project_address: "backup+{PROJECT_NAME}@c.org" } }), []);
  });

  it("webhook and ping take a URL or a file with one, and templates absolute paths", () => {
    const { ping, templates, webhook } = settingsFrom({
      webhook: { url: "https://hooks.example.org/a?b=c", secret_file: "/key" },
      ping: { url_file: "/url" },
      mail: { templates: { project: "/t.mjml", operators_text: "/o.txt" } },
    });
    assert.deepEqual(webhook, {
      url: { kind: "value", value: "https://hooks.example.org/a?b=c" },
      timeoutMs: 10_000,
      secret: { kind: "file", key: "webhook.secret", path: "/key" },
    });
    assert.deepEqual(ping, { url: { kind: "file", key: "ping.url", path: "/url" }, timeoutMs: 10_000 });
    assert.deepEqual(templates, { "project.mjml": "/t.mjml", "operators.txt": "/o.txt" });
    for (const url of ["ftp://x", "file:///etc/passwd", "x", "javascript:alert(1)"]) {
      assert.equal(problems({ webhook: { url } }).length, 1, url);
      assert.equal(problems({ ping: { url } }).length, 1, url);
    }
    assert.match(
      problems({ ping: { url: "https://a", url_file: "/b" } }).join(),
      /ping\.url and ping\.url_file are set/,
    );
  });
});
