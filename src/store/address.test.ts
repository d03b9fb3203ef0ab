import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseStoreUrl } from "./address.ts";
import { StoreError } from "./errors.ts";

describe("database URLs", () => {
  const mysql = {
    dialect: "mysql",
    host: "db.example",
    port: 3306,
    user: "dirigent",
    password: "secret",
    database: "backups",
    tls: false,
    caFile: null,
  } as const;
  for (const [url, address] of [
    ["sqlite:/var/lib/dirigent/dirigent.db", { dialect: "sqlite", path: "/var/lib/dirigent/dirigent.db" }],
    ["sqlite:///var/lib/a.db", { dialect: "sqlite", path: "/var/lib/a.db" }],
    ["sqlite:state/a b%20?.db", { dialect: "sqlite", path: "state/a b%20?.db" }],
    ["sqlite::memory:", { dialect: "sqlite", path: null }],
    ["mysql://dirigent:secret@db.example/backups", mysql],
    ["mariadb://dirigent:secret@db.example:3306/backups", mysql],
    [
      "mysql://d%40x:s%2Fe%3A%25@[2001:db8::1]:3307/b?tls=off",
      { ...mysql, host: "2001:db8::1", port: 3307, user: "d@x", password: "s/e:%", database: "b" },
    ],
    ["mysql://dirigent:secret@db.example/backups?tls=require", { ...mysql, tls: true }],
    [
      "mysql://dirigent:secret@db.example/backups?ca=/etc/ssl/db.pem",
      { ...mysql, tls: true, caFile: "/etc/ssl/db.pem" },
    ],
  ] as const) {
    it(`reads ${url}`, () => assert.deepEqual(parseStoreUrl(url), address));
  }
  for (const [url, why] of [
    ["/var/lib/dirigent.db", /unknown scheme/],
    ["postgres://u:hunter2@h/d", /unknown scheme/],
    ["sqlite:", /names no file/],
    ["sqlite:/var/lib/", /names no file/],
    ["sqlite://host/file", /names no file/],
    ["mysql://u:hunter2@h", /no database/],
    ["mysql://u:hunter2@h/a/b", /no database/],
    ["mysql://u:hunter2@h:port/d", /cannot be read/],
    ["mysql://u:hunter2%@h/d", /begins no %XX/],
    ["mysql://u:hunter2@10.0.0.1/d?tls=require", /TLS with an address/],
    ["mysql://u:hunter2@[::1]/d?ca=/x.pem", /TLS with an address/],
    ["mysql://u:hunter2@h/d?tls=maybe", /tls set to something/],
    ["mysql://u:hunter2@h/d?tsl=require&x=1", /unknown options \(tsl, x;/],
  ] as const) {
    it(`refuses ${url} without repeating the password`, () => {
      assert.throws(
        () => parseStoreUrl(url),
        (error) => error instanceof StoreError && why.test(error.message) && !error.message.includes("hunter2"),
      );
    });
  }
});
