import { isRecord } from "./exchange.ts";
import { pythonRepr, pythonStr } from "./python-text.ts";
import { fault } from "./reply.ts";

/** The few kinds of value the request bodies here are made of. */
export type Field =
  | { readonly type: "text"; readonly maxLength: number; readonly nullable?: boolean }
  | { readonly type: "uuid"; readonly nullable?: boolean }
  | { readonly type: "flag" }
  | { readonly type: "size" }
  | { readonly type: "any" }
  | { readonly type: "metadata"; readonly keys: string; readonly nullable?: boolean };

export interface ObjectSchema {
  /** The key of the body under which the object stands. */
  readonly root: string;
  readonly fields: Readonly<Record<string, Field>>;
  readonly required?: readonly string[];
  readonly nullable?: boolean;
}

const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const flags = new Set<unknown>([
  true,
  "True",
  "TRUE",
  "true",
  "1",
  "ON",
  "On",
  "on",
  "YES",
  "Yes",
  "yes",
  "y",
  "t",
  false,
  "False",
  "FALSE",
  "false",
  "0",
  "OFF",
  "Off",
  "off",
  "NO",
  "No",
  "no",
  "n",
  "f",
]);

const invalid = (name: string, value: unknown, text: string) =>
  fault(400, `Invalid input for field/attribute ${name}. Value: ${pythonStr(value)}. ${text}`);

/** @throws {Refusal} 400 in the words of the services' own validation. */
export function checkBody(body: unknown, schema: ObjectSchema): Record<string, unknown> {
  if (body === undefined)
    throw fault(500, "The server has either erred or is incapable of performing the requested operation.");
  if (!isRecord(body)) throw fault(400, "None is not of type 'object'");
  const value = body[schema.root];
  if (value === undefined) throw fault(400, `'${schema.root}' is a required property`);
  if (value === null && schema.nullable === true) return {};
  if (!isRecord(value)) throw invalid(schema.root, value, `${pythonRepr(value)} is not of type 'object'`);
  for (const [name, field] of Object.entries(schema.fields)) {
    if (value[name] !== undefined) checkField(name, value[name], field);
  }
  for (const name of schema.required ?? []) {
    if (value[name] === undefined) throw invalid(schema.root, value, `'${name}' is a required property`);
  }
  const unknown = Object.keys(value).filter((name) => schema.fields[name] === undefined);
  if (unknown.length > 0) {
    const verb = unknown.length === 1 ? "was" : "were";
    throw invalid(
      schema.root,
      value,
      `Additional properties are not allowed (${unknown.map((n) => `'${n}'`).join(", ")} ${verb} unexpected)`,
    );
  }
  return value;
}

function checkField(name: string, value: unknown, field: Field): void {
  if (value === null && "nullable" in field && field.nullable) return;
  switch (field.type) {
    case "text":
      if (typeof value !== "string")
        throw invalid(
          name,
          value,
          `${pythonRepr(value)} is not of type ${field.nullable === true ? "'string', 'null'" : "'string'"}`,
        );
      if (value.length > field.maxLength) throw invalid(name, value, `${pythonRepr(value)} is too long`);
      return;
    case "uuid":
      if (typeof value !== "string") throw invalid(name, value, `${pythonRepr(value)} is not of type 'string'`);
      if (!uuid.test(value))
        throw invalid(
          name,
          value,
          field.nullable === true
            ? `${pythonRepr(value)} is not valid under any of the given schemas`
            : `${pythonRepr(value)} is not a 'uuid'`,
        );
      return;
    case "flag":
      if (!flags.has(value))
        throw invalid(
          name,
          value,
          `${pythonRepr(value)} is not one of [True, 'True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes', 'y', 't', False, 'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no', 'n', 'f']`,
        );
      return;
    case "size":
      if (value !== null && typeof value !== "number" && !/^[0-9]+$/.test(pythonStr(value)))
        throw invalid(name, value, `${pythonRepr(value)} is not of type 'integer', 'string', 'null'`);
      return;
    case "metadata":
      checkMetadata(name, value, field.keys);
      return;
    case "any":
      return;
  }
}

/** Keys by a pattern, values of text up to 255 characters. */
export function checkMetadata(name: string, value: unknown, keys: string): Record<string, string> {
  if (!isRecord(value)) throw invalid(name, value, `${pythonRepr(value)} is not of type 'object'`);
  const pattern = new RegExp(keys);
  for (const [key, item] of Object.entries(value)) {
    if (!pattern.test(key)) continue;
    if (typeof item !== "string") throw invalid(key, item, `${pythonRepr(item)} is not of type 'string'`);
    if (item.length > 255) throw invalid(key, item, `${pythonRepr(item)} is too long`);
  }
  const bad = Object.keys(value).filter((key) => !pattern.test(key));
  if (bad.length > 0) {
    const verb = bad.length === 1 ? "does" : "do";
    throw invalid(
      name,
      value,
      `${bad.map((k) => pythonRepr(k)).join(", ")} ${verb} not match any of the regexes: '${keys}'`,
    );
  }
  return value as Record<string, string>;
}

/** The truth of a flag that has passed the check. */
export const isTrue = (value: unknown): boolean =>
  value === true || (typeof value === "string" && ["true", "1", "on", "yes", "y", "t"].includes(value.toLowerCase()));

export const isBooleanText = (text: string): boolean =>
  ["1", "t", "true", "on", "y", "yes", "0", "f", "false", "off", "n", "no"].includes(text.toLowerCase());
