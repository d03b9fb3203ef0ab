import cronParser from "cron-parser";
import { Temporal } from "temporal-polyfill";
import { parseDuration } from "../domain/durations.ts";
import { nameVariables } from "../domain/names.ts";

/**
 * A kind of value. Values come from YAML (any type) or from a variable (always text). `read` throws an Error without a message when the
 * value is simply not of the kind, with one when there is more to say.
 */
export interface Kind<T> {
  /** Convict's name of the format. */
  readonly name: string;
  /** Completes "allowed: ". */
  readonly allowed: string;
  readonly read: (raw: unknown) => T;
}

const no = (reason?: string): never => {
  throw new Error(reason ?? "");
};

const asNumber = (raw: unknown): number =>
  typeof raw === "string" && /^-?\d+(\.\d+)?$/.test(raw) ? Number(raw) : typeof raw === "number" ? raw : NaN;

export const text = (pattern: RegExp, allowed: string): Kind<string> => ({
  name: `text ${pattern.source}`,
  allowed,
  read: (raw) => (typeof raw === "string" && pattern.test(raw) ? raw : no()),
});

export const integer = (minimum: number, maximum = Number.MAX_SAFE_INTEGER): Kind<number> => ({
  name: `integer ${minimum} ${maximum}`,
  allowed:
    maximum === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${minimum}`
      : `a whole number from ${minimum} to ${maximum}`,
  read: (raw) => {
    const value = asNumber(raw);
    return Number.isSafeInteger(value) && value >= minimum && value <= maximum ? value : no();
  },
});

export const boolean: Kind<boolean> = {
  name: "boolean",
  allowed: "true or false",
  read: (raw) => (raw === true || raw === "true" ? true : raw === false || raw === "false" ? false : no()),
};

export const oneOf = <T extends string>(values: readonly T[]): Kind<T> => ({
  name: `one of ${values.join(" ")}`,
  allowed: `one of ${values.join(", ")}`,
  read: (raw) => values.find((value) => value === raw) ?? no(),
});

const units = "a duration such as 90s, 15min, 6h, 1d or 2w3d (units y, mon, w, d, h, min, s, in this order)";

/** In milliseconds. */
export const duration: Kind<number> = {
  name: "duration",
  allowed: units,
  read: (raw) => (typeof raw === "string" ? (parseDuration(raw) ?? no()) : no()),
};

/** In milliseconds; `0s` switches something off. */
export const durationOrOff: Kind<number> = {
  name: "duration or off",
  allowed: `0s (off), or ${units}`,
  read: (raw) => (raw === "0s" || raw === 0 || raw === "0" ? 0 : duration.read(raw)),
};

/** A duration that something else restricts further; `problem` says what is wrong with one, null when nothing is. */
export const durationThat = (
  name: string,
  { allowed, problem }: { readonly allowed: string; readonly problem: (ms: number) => string | null },
): Kind<number> => ({
  name,
  allowed,
  read: (raw) => {
    const ms = duration.read(raw);
    const found = problem(ms);
    return found === null ? ms : no(found);
  },
});

const sizeUnits: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** In bytes. */
export const bytes: Kind<number> = {
  name: "bytes",
  allowed: "a number of bytes such as 20MiB (units B, kB, MB, GB, KiB, MiB, GiB)",
  read: (raw) => {
    const [, digits, unit = ""] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(String(raw)) ?? [];
    const value = Math.round(Number(digits) * (sizeUnits[unit] ?? NaN));
    return Number.isSafeInteger(value) && value > 0 ? value : no();
  },
};

/** IANA name. */
export const timeZone: Kind<string> = {
  name: "time zone",
  allowed: "an IANA time zone such as UTC or Europe/Berlin",
  read: (raw) => {
    // An offset such as +01:00 is taken by Intl, too, but knows no summer time: almost surely a mistake.
    if (typeof raw !== "string" || !/^[A-Za-z]/.test(raw)) return no();
    try {
      new Intl.DateTimeFormat("en", { timeZone: raw });
      return raw;
    } catch {
      return no();
    }
  },
};

/** Checked with the parser that node-schedule uses, which would otherwise only return null. */
export const cron: Kind<string> = {
  name: "cron",
  allowed: "a cron expression of five fields (minute hour day month weekday), or six with seconds first",
  read: (raw) => {
    if (typeof raw !== "string" || ![5, 6].includes(raw.trim().split(/\s+/).length)) return no();
    try {
      // A fixed start: whether an expression ever comes due must not depend on when it is read.
      cronParser.parseExpression(raw, { tz: "UTC", currentDate: new Date(0) }).next();
      return raw;
    } catch (error) {
      return no(error instanceof Error ? error.message : undefined);
    }
  },
};

/** Of a local clock, with hours and minutes. */
export const timeOfDay: Kind<string> = text(
  /^([01]\d|2[0-3]):[0-5]\d$/,
  'a time of day in quotes, from "00:00" to "23:59"',
);

const zoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;

/** A moment, the same everywhere. */
export const instant: Kind<Date> = {
  name: "instant",
  allowed: "an instant with a zone, such as 2026-12-01T06:00:00Z",
  read: (raw) => {
    if (typeof raw !== "string" || !zoned.test(raw)) return no();
    try {
      // Not by Date, which takes the 31st of February for the 3rd of March.
      return new Date(Temporal.Instant.from(raw).epochMilliseconds);
    } catch {
      return no("there is no such day or time");
    }
  },
};

/** A list of texts; in a variable, separated by commas. Numbers and truth values count as their text: YAML makes `true` of true. */
export const list = (item: Kind<string>, allowed: string): Kind<readonly string[]> => ({
  name: `list of ${item.name}`,
  allowed,
  read: (raw) => {
    const items: readonly unknown[] = Array.isArray(raw)
      ? raw
      : typeof raw === "string"
        ? raw.split(",").map((part) => part.trim())
        : no();
    return items.map((each) => item.read(["boolean", "number"].includes(typeof each) ? String(each) : each));
  },
});

/** A template for the names of backups. */
export const nameTemplate: Kind<string> = {
  name: "name template",
  allowed: `a text of at most 255 characters with any of the variables ${nameVariables.map((name) => `{${name}}`).join(", ")}`,
  read: (raw) => {
    if (typeof raw !== "string" || !/^.{1,255}$/.test(raw)) return no();
    const known: readonly string[] = nameVariables;
    const unknown = [...raw.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name).find((name) => !known.includes(name));
    return unknown === undefined ? raw : no(`{${unknown}} is not a variable`);
  },
};

/** A file: absolute, or a plain name of a systemd credential. */
export const file: Kind<string> = {
  name: "file",
  allowed: "an absolute path, or the plain name of a systemd credential",
  read: (raw) => (typeof raw === "string" && /^(\/[^\0]*|[\w.-]+)$/.test(raw) ? raw : no()),
};

/** What the store takes; it alone knows the options after `?`. */
export const databaseUrl: Kind<string> = {
  name: "database url",
  allowed:
    "sqlite:/path/to/file.db, or mysql://user:password@host:3306/name with ?tls=require and &ca=/path.pem as needed",
  read: (raw) => {
    if (typeof raw !== "string") return no();
    if (/^sqlite:(?!\/\/)./.test(raw)) return raw;
    const url = URL.parse(raw);
    const complete =
      ["mysql:", "mariadb:"].includes(url?.protocol ?? "") &&
      url !== null &&
      url.hostname !== "" &&
      url.username !== "" &&
      url.pathname.length > 1;
    return complete ? raw : no();
  },
};

const localPart = "[A-Za-z0-9_+-]+(?:\\.[A-Za-z0-9_+-]+)*";
const mailDomain = "[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?";

/** One mail address, with nothing in it that could make it another or several. */
export const mailAddress: Kind<string> = text(
  new RegExp(`^(?=.{3,254}$)(?=[^@]{1,64}@)${localPart}@${mailDomain}$`),
  "a mail address such as backup@example.org",
);

/** An address, with or without a name before it. */
export const mailSender: Kind<string> = {
  name: "mail sender",
  allowed: "a mail address such as backup@example.org, or Backup <backup@example.org>",
  read: (raw) => {
    const [, name, address] = (typeof raw === "string" && /^([^<>"\\@,;:\p{Cc}]{1,60}) <([^<>]+)>$/u.exec(raw)) || [];
    mailAddress.read(name === undefined ? raw : address);
    return raw as string;
  },
};

/** A mail address made of a project. */
export const projectMailAddress: Kind<string> = {
  name: "project mail address",
  allowed: "a mail address with {PROJECT_NAME} or {PROJECT_ID} before the @, such as {PROJECT_NAME}@example.org",
  read: (raw) => {
    if (typeof raw !== "string" || !/^[^@]*\{PROJECT_(NAME|ID)\}[^@]*@/.test(raw)) return no();
    mailAddress.read(raw.replaceAll(/\{PROJECT_(NAME|ID)\}/g, "x"));
    return raw;
  },
};

/** Where something is posted to or asked of. */
export const httpUrl: Kind<string> = {
  name: "http url",
  allowed: "a URL that begins with https:// or http://",
  read: (raw) => {
    const url = typeof raw === "string" ? URL.parse(raw) : null;
    return url !== null && ["http:", "https:"].includes(url.protocol) ? url.href : no();
  },
};

export const absolutePath: Kind<string> = text(/^\/[^\0]*$/, "an absolute path");
