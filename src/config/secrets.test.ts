import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConnection } from "./connections.ts";
import { ConfigError } from "./errors.ts";
import { loadSettings } from "./load.ts";
import { readSecret, secretSource, type SecretForms } from "./secrets.ts";
import { environmentOf } from "./testing.ts";

// Made by Python's cryptography.
const fernetKey = "6P1ve0IOoBe_v8Y0SJ0mPm2oVVBbrTnuSQFWA4ONNCw=";
const fernet =
  "gAAAAABlU_EAXO7kgEaZd_odSXHKQPQQFtAPXUqH5GDd4TZC_LzssI-MwRUhTbaqaaC_pYP-wgLn5Co-IZKCivtkPfwBm2iFfpF1GPGrAxD-GYWlTBttD78=";
const inside = "0123456789abcdef";

const files = {
  "/s/plain": "from-file\n",
  "/s/key": `${fernetKey}\n`,
  "/s/other": "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=\n",
  "/s/open": fernetKey,
  "/run/creds/cred": "from-systemd\n",
  "/run/creds/fkey": fernetKey,
};
const environment = environmentOf({
  files,
  modes: { "/s/open": 0o640, "/run/creds/cred": 0o440, "/run/creds/fkey": 0o440 },
  variables: { CREDENTIALS_DIRECTORY: "/run/creds" },
});

const none: SecretForms = { file: null, fernet: null, fernetKeyFile: null };

const read = (forms: Partial<SecretForms>): string | null => {
  const source = secretSource("mail.password", { ...none, ...forms }, environment);
  return source === null ? null : readSecret(source, environment);
};

const problem = (forms: Partial<SecretForms>): string => {
  try {
    return `no problem: ${read(forms) ?? "nothing"}`;
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    const text = error.problems.join("\n");
    for (const secret of [fernetKey, fernet, inside, "from-file"]) assert.ok(!text.includes(secret), text);
    return text;
  }
};

describe("a secret", () => {
  it("comes from a value, a file, a systemd credential, or a Fernet token and its key", () => {
    assert.equal(read({}), null);
    assert.equal(read({ value: "plain" }), "plain");
    assert.equal(read({ file: "/s/plain" }), "from-file");
    assert.equal(read({ file: "cred" }), "from-systemd");
    assert.equal(read({ fernet, fernetKeyFile: "/s/key" }), inside);
    assert.equal(read({ fernet, fernetKeyFile: "fkey" }), inside);
  });

  it("that is given twice or by half is refused with the keys in question", () => {
    assert.equal(
      problem({ value: "a", file: "/s/plain", fernet, fernetKeyFile: "/s/key" }),
      "mail.password and mail.password_file and mail.password_fernet are set, but one secret has one place; take all but one out",
    );
    assert.equal(
      problem({ fernet }),
      "mail.password_fernet is set, but nothing to open it with; set mail.password_fernet_key_file to the file with its key",
    );
    assert.equal(
      problem({ file: "/s/plain", fernetKeyFile: "/s/key" }),
      "mail.password_fernet_key_file is set, but there is no mail.password_fernet to open with it; set that to the token, or take it out",
    );
  });

  it("that cannot be read is refused with the key and what mends it", () => {
    assert.equal(
      problem({ fernet, fernetKeyFile: "/gone" }),
      "/gone: no such file; mail.password_fernet_key_file names it",
    );
    assert.equal(
      problem({ fernet, fernetKeyFile: "/s/plain" }),
      "/s/plain: is no Fernet key (32 bytes in URL-safe base64, 44 characters); mail.password_fernet_key_file names it",
    );
    assert.equal(
      problem({ fernet, fernetKeyFile: "/s/other" }),
      "mail.password_fernet cannot be opened with the key in /s/other; " +
        "make the token again with that key, or name the file with the key it was made with",
    );
    assert.equal(
      problem({ fernet, fernetKeyFile: "/s/open" }),
      "/s/open: holds a secret and can be read by its group (mode 0640); run: chmod 600 /s/open",
    );
  });

  it("as a Fernet token serves reader, writer and database by the same keys", () => {
    const settings = loadSettings({
      environment: environmentOf({
        files,
        variables: {
          DIRIGENT_OPENSTACK_READER_CLOUD: "a",
          DIRIGENT_OPENSTACK_READER_SECRET_FERNET: fernet,
          DIRIGENT_OPENSTACK_READER_SECRET_FERNET_KEY_FILE: "/s/key",
          DIRIGENT_OPENSTACK_WRITER_CLOUD: "a",
          DIRIGENT_OPENSTACK_WRITER_SECRET_FILE: "/s/plain",
          DIRIGENT_DATABASE_URL: "mysql://u@db/dirigent",
          DIRIGENT_DATABASE_PASSWORD_FERNET: fernet,
          DIRIGENT_DATABASE_PASSWORD_FERNET_KEY_FILE: "/s/key",
        },
      }),
    });
    assert.deepEqual(settings.database, {
      url: `mysql://u:${inside}@db/dirigent`,
      shownUrl: "mysql://u:***@db/dirigent",
    });
    const clouds = { clouds: { a: { auth: { auth_url: "https://keystone:5000/v3", username: "w" } } } };
    const all = environmentOf({ files: { ...files, "/etc/openstack/clouds.yaml": JSON.stringify(clouds) } });
    const passwordOf = (role: "reader" | "writer"): unknown => {
      const { auth } = loadConnection(role, settings, all);
      return auth.kind === "password" ? auth.password : auth;
    };
    assert.equal(passwordOf("reader"), inside);
    assert.equal(passwordOf("writer"), "from-file");
  });
});
