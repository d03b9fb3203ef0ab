import { isIP } from "node:net";
import { StoreError } from "./errors.ts";

export type Dialect = "sqlite" | "mysql";

export type StoreAddress =
  | {
      readonly dialect: "sqlite";
      /** Absolute or relative to the working directory; null: in memory only. */
      readonly path: string | null;
    }
  | {
      readonly dialect: "mysql";
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password: string;
      readonly database: string;
      /** Encrypts, and checks the server's certificate and name. */
      readonly tls: boolean;
      /** PEM file of the authority that signed the server's certificate; null: the system's. */
      readonly caFile: string | null;
    };

const mysqlOptions = new Set(["tls", "ca"]);

const refuse = (why: string): StoreError =>
  new StoreError(
    `the database URL ${why}; use sqlite:/path/to/file.db, sqlite::memory: or mysql://user:password@host:port/database`,
    { transient: false },
  );

/**
 * Reads `sqlite:/path/file.db`, `sqlite::memory:`, or `mysql://user:password@host:port/database[?tls=require&ca=/path.pem]` (also for
 * MariaDB; user and password percent-encoded).
 * @throws StoreError that never repeats the URL, which holds a password
 */
export function parseStoreUrl(url: string): StoreAddress {
  if (url.startsWith("sqlite:")) {
    const path = url.slice("sqlite:".length).replace(/^\/\/(?=\/)/, "");
    if (path === ":memory:") return { dialect: "sqlite", path: null };
    if (path === "" || path.endsWith("/") || path.startsWith("//")) throw refuse("names no file");
    return { dialect: "sqlite", path };
  }
  if (!url.startsWith("mysql://") && !url.startsWith("mariadb://")) throw refuse("has an unknown scheme");
  const parsed = URL.parse(url);
  if (parsed === null) throw refuse("cannot be read");
  const database = decode(parsed.pathname.slice(1));
  if (parsed.hostname === "" || database === "" || database.includes("/")) throw refuse("names no host or no database");
  const unknown = [...parsed.searchParams.keys()].filter((name) => !mysqlOptions.has(name));
  if (unknown.length > 0) throw refuse(`has unknown options (${unknown.join(", ")}; known are tls and ca)`);
  const tls = parsed.searchParams.get("tls");
  if (tls !== null && tls !== "require" && tls !== "off")
    throw refuse("has tls set to something other than require or off");
  const caFile = parsed.searchParams.get("ca");
  const host = parsed.hostname.replace(/^\[|\]$/g, "");
  const usesTls = tls === "require" || (tls === null && caFile !== null);
  // The driver compares a certificate with a name only.
  if (usesTls && isIP(host) !== 0) throw refuse("asks for TLS with an address: name the host as its certificate does");
  return {
    dialect: "mysql",
    host,
    port: parsed.port === "" ? 3306 : Number(parsed.port),
    user: decode(parsed.username),
    password: decode(parsed.password),
    database,
    tls: usesTls,
    caFile,
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refuse("has a percent sign that begins no %XX");
  }
}
