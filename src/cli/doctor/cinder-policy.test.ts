import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "../../config/errors.ts";
import { environmentOf } from "../../config/testing.ts";
import { readCinderPolicy } from "./cinder-policy.ts";

const read = (files: Readonly<Record<string, string>>, path = "/etc/cinder/cinder.conf") =>
  readCinderPolicy(path, environmentOf({ files }).files);

describe("Cinder's policy, from its files", () => {
  it("is where Cinder looks when nothing is said", () => {
    const { paths, rules, verifiesServer } = read({
      "/etc/cinder/cinder.conf": "[DEFAULT]\npolicy_file = not-this-one\n",
      "/etc/cinder/policy.yaml": '# none\n"backup:delete": "rule:a"\n"backup:update": "rule:b"\n',
      "/etc/cinder/policy.d/20.yaml": '{"backup:delete": "rule:c"}',
      "/etc/cinder/policy.d/10.yaml": '"backup:delete": "rule:d"',
      "/etc/cinder/policy.d/.30.yaml": '"backup:delete": "rule:hidden"',
    });
    assert.deepEqual(
      { paths, rules: Object.fromEntries(rules), verifiesServer },
      {
        paths: ["/etc/cinder/policy.yaml", "/etc/cinder/policy.d/10.yaml", "/etc/cinder/policy.d/20.yaml"],
        rules: { "backup:delete": "rule:c", "backup:update": "rule:b" },
        verifiesServer: false,
      },
    );
  });

  it("is where cinder.conf says, with several directories, and as its TLS options say", () => {
    const conf = `
[oslo_policy]
policy_file = rules.yaml
policy_dirs = /srv/a
policy_dirs: b
# policy_dirs = c
remote_ssl_verify_server_crt = True
remote_ssl_ca_crt_file = /etc/ca.pem
remote_ssl_client_crt_file = "/etc/client.pem"
remote_ssl_client_key_file =
  /etc/client.key
[other]
policy_dirs = d
`;
    const policy = read({
      "/etc/cinder/cinder.conf": conf,
      "/etc/cinder/rules.yaml": "a: '1'",
      "/srv/a/x.yaml": "b: '2'",
      "/etc/cinder/b/x.yaml": "c: '3'\nd: [['role:a']]",
      "/etc/cinder/d/x.yaml": "e: '4'",
      "/etc/cinder/policy.d/x.yaml": "f: '5'",
    });
    assert.deepEqual(
      { ...policy, rules: Object.fromEntries(policy.rules) },
      {
        paths: ["/etc/cinder/rules.yaml", "/srv/a/x.yaml", "/etc/cinder/b/x.yaml"],
        rules: { a: "1", b: "2", c: "3", d: '[["role:a"]]' },
        verifiesServer: true,
        caFile: "/etc/ca.pem",
        clientCertificateFile: "/etc/client.pem",
        clientKeyFile: "/etc/client.key",
      },
    );
  });

  it("has no rules where there are no files, or empty ones", () => {
    assert.deepEqual(
      read({ "/etc/cinder/cinder.conf": "", "/etc/cinder/policy.yaml": "# nothing\n" }).rules,
      new Map(),
    );
    assert.deepEqual(read({ "/etc/cinder/cinder.conf": "" }).paths, []);
  });

  it("says which file it cannot read", () => {
    assert.throws(() => read({}), new ConfigError(["/etc/cinder/cinder.conf: no such file; --cinder-conf names it"]));
    const broken = { "/etc/cinder/cinder.conf": "", "/etc/cinder/policy.yaml": '"a: b' };
    assert.throws(() => read(broken), new ConfigError(["/etc/cinder/policy.yaml: is no file of rules"]));
  });
});
