import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConnection, loadConnections } from "./connections.ts";
import { ConfigError } from "./errors.ts";
import { loadSettings, settingsFrom } from "./load.ts";
import { environmentOf } from "./testing.ts";

const home = "/home/op";
const cloudsFile = "/etc/openstack/clouds.yaml";
const authUrl = "https://keystone:5000/v3";

const passwordCloud = { auth: { auth_url: authUrl, username: "writer", password: "pw", user_domain_name: "Ops" } };
const appCredCloud = {
  auth_type: "v3applicationcredential",
  auth: { auth_url: authUrl, application_credential_id: "abc", application_credential_secret: "s3cret" },
};

const passwordParameters = {
  authUrl,
  auth: { kind: "password", user: { name: "writer", domain: { name: "Ops" } }, password: "pw" },
  interface: "public",
  verify: true,
  timeoutMs: 60_000,
};

const problemsOf = (work: () => unknown): readonly string[] => {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return [];
};

const without = (entries: Readonly<Record<string, string>>, key: string): Record<string, string> =>
  Object.fromEntries(Object.entries(entries).filter(([each]) => each !== key));

type Parts = Parameters<typeof environmentOf>[0];

/** Reads the reader's connection of cloud `a`, which is `entry`. */
const read = (entry: object, rest: Parts = {}, openstack: object = {}) =>
  loadConnection(
    "reader",
    settingsFrom({ openstack: { reader: { cloud: "a" }, ...openstack } }),
    environmentOf({
      homeDirectory: home,
      ...rest,
      files: { [cloudsFile]: JSON.stringify({ clouds: { a: entry } }), ...rest.files },
    }),
  );

describe("clouds.yaml", () => {
  it("gives each role its own cloud", () => {
    const settings = settingsFrom({ openstack: { reader: { cloud: "r" }, writer: { cloud: "w" } } });
    const files = { [cloudsFile]: JSON.stringify({ clouds: { r: appCredCloud, w: passwordCloud } }) };
    assert.deepEqual(loadConnections(settings, environmentOf({ files })), {
      reader: {
        ...passwordParameters,
        auth: { kind: "application_credential", credential: { id: "abc" }, secret: "s3cret" },
      },
      writer: passwordParameters,
    });
  });

  it("serves both roles by OS_CLOUD", () => {
    const files = { [cloudsFile]: JSON.stringify({ clouds: { a: passwordCloud } }) };
    const connections = loadConnections(settingsFrom({}), environmentOf({ files, variables: { OS_CLOUD: "a" } }));
    assert.deepEqual(connections, { reader: passwordParameters, writer: passwordParameters });
    assert.equal(connections.reader, connections.writer, "one object, so that there is one login");
  });

  it("is looked for in the working directory, the home directory, then /etc, or where OS_CLIENT_CONFIG_FILE says", () => {
    const cloud = (user: string): string =>
      JSON.stringify({ clouds: { a: { auth: { ...passwordCloud.auth, username: user } } } });
    const all = {
      "/work/clouds.yaml": cloud("here"),
      [`${home}/.config/openstack/clouds.yaml`]: cloud("home"),
      [cloudsFile]: cloud("etc"),
      "/x/c.yaml": cloud("named"),
    };
    const userOf = (files: Record<string, string>, variables: Record<string, string> = {}): unknown => {
      const settings = settingsFrom({ openstack: { reader: { cloud: "a" } } });
      const environment = environmentOf({ files, variables, workingDirectory: "/work", homeDirectory: home });
      const { auth } = loadConnection("reader", settings, environment);
      return auth.kind === "password" && "name" in auth.user ? auth.user.name : null;
    };
    assert.equal(userOf(all), "here");
    assert.equal(userOf(without(all, "/work/clouds.yaml")), "home");
    assert.equal(userOf({ [cloudsFile]: cloud("etc") }), "etc");
    assert.equal(userOf(all, { OS_CLIENT_CONFIG_FILE: "/x/c.yaml" }), "named");
    assert.deepEqual(
      problemsOf(() => userOf(all, { OS_CLIENT_CONFIG_FILE: "/y.yaml" })),
      ["/y.yaml: no such file; OS_CLIENT_CONFIG_FILE names it"],
    );
    assert.deepEqual(
      problemsOf(() => userOf({})),
      [
        "openstack.reader.cloud is a, but there is no clouds.yaml in /work, /home/op/.config/openstack, /etc/openstack; " +
          "put one there, or let OS_CLIENT_CONFIG_FILE name it",
      ],
    );
  });

  it("takes secrets from secure.yaml, and asks for privacy only of the file that holds one", () => {
    const auth = without(passwordCloud.auth, "password");
    const secure = "/etc/openstack/secure.yaml";
    const files = { [secure]: JSON.stringify({ clouds: { a: { auth: { password: "pw" } } } }) };
    assert.deepEqual(read({ auth }, { files, modes: { [cloudsFile]: 0o644 } }), passwordParameters);
    assert.deepEqual(
      problemsOf(() => read({ auth }, { files, modes: { [secure]: 0o640 } })),
      [`${secure}: holds a secret and can be read by its group (mode 0640); run: chmod 600 ${secure}`],
    );
    assert.deepEqual(
      problemsOf(() => read(passwordCloud, { modes: { [cloudsFile]: 0o644 } })),
      [`${cloudsFile}: holds a secret and can be read by everybody (mode 0644); run: chmod 600 ${cloudsFile}`],
    );
  });

  it("is read as the Python clients do: YAML 1.1 with merge keys", () => {
    const text = [
      "base: &base",
      "  auth: {auth_url: 'https://keystone:5000/v3', username: writer, password: pw, user_domain_name: Ops}",
      "clouds:",
      "  a:",
      "    <<: *base",
      "    verify: no",
      "    interface: internalURL",
      "    region_name: R1",
      "    api_timeout: 20",
      "    cacert: ~/ca.pem",
    ].join("\n");
    assert.deepEqual(read({}, { files: { [cloudsFile]: text, [`${home}/ca.pem`]: "PEM" } }), {
      ...passwordParameters,
      verify: false,
      interface: "internal",
      region: "R1",
      timeoutMs: 20_000,
      caFile: `${home}/ca.pem`,
    });
  });

  it("reads projects and domains by id, by name, and by the older names", () => {
    const withProject = (extra: object): unknown => {
      const { auth } = read({ auth: { auth_url: authUrl, user_id: "u1", password: "pw", ...extra } });
      return auth.kind === "password" ? [auth.user, auth.project] : null;
    };
    assert.deepEqual(withProject({}), [{ id: "u1" }, undefined]);
    assert.deepEqual(withProject({ project_id: "p1", project_name: "x" }), [{ id: "u1" }, { id: "p1" }]);
    assert.deepEqual(withProject({ tenant_name: "x", project_domain_id: "d1" }), [
      { id: "u1" },
      { name: "x", domain: { id: "d1" } },
    ]);
    assert.deepEqual(withProject({ project_name: "x" }), [{ id: "u1" }, { name: "x", domain: { id: "default" } }]);
  });

  it("lets openstack.timeout win over the cloud's, and refuses a cloud's that the settle time does not cover", () => {
    const slow = { ...passwordCloud, timeout: 200 };
    assert.equal(read(slow, {}, { timeout: "30s" }).timeoutMs, 30_000);
    assert.equal(read(slow, {}, { settle_time: "400s" }).timeoutMs, 200_000);
    assert.deepEqual(
      problemsOf(() => read(slow)),
      [
        `${cloudsFile}: cloud a: timeout is more than half of openstack.settle_time (5min); ` +
          "raise openstack.settle_time, or set openstack.timeout",
      ],
    );
    assert.equal(read(passwordCloud, {}, { settle_time: "2s" }).timeoutMs, 60_000);
  });

  it("says all that is wrong with an entry, and never shows a secret", () => {
    const bad = {
      auth_type: "v3token",
      auth: { auth_url: "keystone:5000", password: 12345 },
      interface: "outside",
      verify: "maybe",
      cacert: "/gone.pem",
      timeout: "long",
      profile: "vendor",
    };
    const at = `${cloudsFile}: cloud a:`;
    assert.deepEqual(
      problemsOf(() => read(bad)),
      [
        `${at} profile is not supported`,
        `${at} cacert: no such file: /gone.pem`,
        `${at} auth.auth_url is not a URL such as https://keystone.example.org:5000/v3`,
        `${at} auth_type is "v3token"; allowed: password, v3password, v3applicationcredential`,
        `${at} auth.username is missing`,
        `${at} auth.password is not a text; put its value in quotes`,
        `${at} auth.password is missing, and no secret_file is configured`,
        `${at} interface is "outside"; allowed: public, internal, admin`,
        `${at} verify is neither true nor false`,
        `${at} timeout is not a number of seconds above zero`,
      ],
    );
  });

  it("names the clouds there are, and the place of what is not YAML", () => {
    const settings = settingsFrom({ openstack: { reader: { cloud: "b" } } });
    const files = (text: string) => environmentOf({ files: { [cloudsFile]: text } });
    assert.deepEqual(
      problemsOf(() => loadConnection("reader", settings, files("clouds: {a: {}, c: {}}"))),
      [`${cloudsFile}: has no cloud b, which openstack.reader.cloud asks for; it has: a, c`],
    );
    assert.deepEqual(
      problemsOf(() => loadConnection("reader", settings, files("clouds:\n  a:\n    password: [secret\n"))),
      [
        `${cloudsFile}:4:1: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]`,
      ],
    );
    assert.deepEqual(
      problemsOf(() => loadConnection("reader", settings, files("[]"))),
      [`${cloudsFile}: has no map named clouds`],
    );
  });
});

describe("secret files", () => {
  it("take the place of the secret in clouds.yaml", () => {
    const auth = without(appCredCloud.auth, "application_credential_secret");
    const files = { "/run/creds/reader": "from-file\n" };
    const variables = { CREDENTIALS_DIRECTORY: "/run/creds" };
    const modes = { "/run/creds/reader": 0o440 };
    const settings = loadSettings({
      environment: environmentOf({
        files,
        variables: {
          ...variables,
          DIRIGENT_OPENSTACK_READER_CLOUD: "a",
          DIRIGENT_OPENSTACK_READER_SECRET_FILE: "reader",
        },
      }),
    });
    const clouds = { [cloudsFile]: JSON.stringify({ clouds: { a: { auth } } }) };
    const connection = loadConnection(
      "reader",
      settings,
      environmentOf({ files: { ...files, ...clouds }, modes, variables }),
    );
    assert.deepEqual(connection.auth, {
      kind: "application_credential",
      credential: { id: "abc" },
      secret: "from-file",
    });
  });
});

describe("OS_* variables", () => {
  const variables = {
    OS_AUTH_URL: authUrl,
    OS_USERNAME: "writer",
    OS_PASSWORD: "pw",
    OS_USER_DOMAIN_NAME: "Ops",
    OS_PROJECT_NAME: "admin",
    OS_PROJECT_DOMAIN_ID: "d1",
    OS_REGION_NAME: "R1",
    OS_ENDPOINT_TYPE: "internalURL",
    OS_INSECURE: "true",
  };

  it("serve both roles when no cloud is named", () => {
    const want = {
      ...passwordParameters,
      auth: { ...passwordParameters.auth, project: { name: "admin", domain: { id: "d1" } } },
      region: "R1",
      interface: "internal",
      verify: false,
    };
    const settings = settingsFrom({});
    assert.deepEqual(loadConnections(settings, environmentOf({ variables })), { reader: want, writer: want });
    const envvars = environmentOf({ variables: { ...variables, OS_CLOUD: "envvars" } });
    assert.deepEqual(loadConnections(settings, envvars), { reader: want, writer: want });
  });

  it("are named in what is wrong", () => {
    const rest = without(variables, "OS_PASSWORD");
    assert.deepEqual(
      problemsOf(() => loadConnections(settingsFrom({}), environmentOf({ variables: rest }))),
      ["OS_PASSWORD is missing, and no secret_file is configured"],
    );
  });

  it("are asked for, with the other ways, when there is nothing at all", () => {
    const hint = (role: string): string =>
      `there is no OpenStack credential for the ${role}; set openstack.${role}.cloud or OS_CLOUD to the name of a cloud in clouds.yaml, ` +
      "or OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and their companions";
    assert.deepEqual(
      problemsOf(() => loadConnections(settingsFrom({}), environmentOf({}))),
      [hint("reader"), hint("writer")],
    );
  });
});
