import type { Caller } from "../../domain/guard.ts";
import { parseStrictly, UnreadableError } from "./json.ts";

/** What oslo.policy sends: the name of the rule, the object, and who asks. */
export interface CheckBody {
  readonly rule: string;
  readonly target: CheckTarget;
  readonly caller: Caller;
}

/** The object as far as the body describes it. What is missing is null; Horizon, for one, sends no id. */
export interface CheckTarget {
  readonly id: string | null;
  readonly projectId: string | null;
  readonly creatorId: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
}

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads the body of a check.
 * @param contentType of the request
 * @throws UnreadableError when there are two ways to read it, or none
 */
export function readBody(bytes: Uint8Array, contentType: string): CheckBody {
  const text = decode(bytes);
  const parts = partsOf(text, contentType);
  const { rule } = parts;
  if (typeof rule !== "string" || rule === "") throw new UnreadableError("no rule");
  return { rule, target: targetOf(objectOf(parts.target)), caller: callerOf(objectOf(parts.credentials)) };
}

// Not replacing: a byte sequence that is no text must not become one. A mark of the byte order is left in, where JSON refuses it.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new UnreadableError("no UTF-8");
  }
}

interface Parts {
  readonly rule: unknown;
  readonly target: unknown;
  readonly credentials: unknown;
}

function partsOf(text: string, contentType: string): Parts {
  const [type = "", ...parameters] = contentType.toLowerCase().split(";");
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=");
    if (name.trim() === "charset" && !/^"?utf-?8"?$/.test(value.trim())) throw new UnreadableError("another charset");
  }
  switch (type.trim()) {
    case "application/x-www-form-urlencoded":
      return formParts(text);
    case "application/json": {
      const { rule, target, credentials } = objectOf(parseStrictly(text));
      return { rule, target, credentials };
    }
    default:
      throw new UnreadableError("another content type");
  }
}

/** The fields of a form, each JSON by itself. Further fields are a later oslo.policy's business. */
function formParts(text: string): Parts {
  const fields = new Map<string, string>();
  for (const pair of text.split("&")) {
    const at = pair.indexOf("=");
    const name = unescapeField(at === -1 ? pair : pair.slice(0, at));
    if (fields.has(name)) throw new UnreadableError("a field is given twice");
    fields.set(name, at === -1 ? "" : pair.slice(at + 1));
  }
  const part = (name: keyof Parts): unknown => {
    const value = fields.get(name);
    if (value === undefined) throw new UnreadableError("a field is missing");
    return parseStrictly(unescapeField(value));
  };
  return { rule: part("rule"), target: part("target"), credentials: part("credentials") };
}

function unescapeField(text: string): string {
  if (!/[+%]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new UnreadableError("bad escapes");
  }
}

function objectOf(value: unknown): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new UnreadableError("no object");
  return value as JsonObject;
}

/** Own members only: `__proto__` and the like are names as any other. */
const member = (object: JsonObject, name: string): unknown => (Object.hasOwn(object, name) ? object[name] : undefined);

/** @throws UnreadableError when it is there and no text */
function textOrNull(value: unknown): string | null {
  if (value === undefined || value === null || value === "") return null;
  if (typeof value !== "string") throw new UnreadableError("no text");
  return value;
}

function targetOf(target: JsonObject): CheckTarget {
  return {
    id: textOrNull(member(target, "id")),
    projectId: textOrNull(member(target, "project_id")),
    creatorId: textOrNull(member(target, "user_id")),
    metadata: metadataOf(member(target, "metadata")),
  };
}

function metadataOf(value: unknown): Readonly<Record<string, string>> | null {
  if (value === undefined || value === null) return null;
  const metadata = objectOf(value);
  for (const each of Object.values(metadata)) {
    if (typeof each !== "string") throw new UnreadableError("metadata that is no text");
  }
  return metadata as Readonly<Record<string, string>>;
}

const callerOf = (credentials: JsonObject): Caller => ({
  userId: textOrNull(member(credentials, "user_id")),
  projectId: textOrNull(member(credentials, "project_id")),
  isAdmin: member(credentials, "is_admin") === true,
});
