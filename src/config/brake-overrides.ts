import type { BrakeOverride } from "../domain/catalogue.ts";
import type { Kind } from "./kinds.ts";

const fields = ["project", "count", "expires"];
const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)$/;

function one(raw: unknown): BrakeOverride {
  if (typeof raw !== "object" || raw === null) throw new Error("an entry is not a map");
  const unknown = Object.keys(raw).filter((key) => !fields.includes(key));
  if (unknown.length > 0) throw new Error(`an entry has the unknown key ${unknown.join(", ")}`);
  const { project, count, expires } = raw as Readonly<Record<string, unknown>>;
  if (typeof project !== "string" || !/^[\w.-]+$/.test(project)) throw new Error("an entry's project is not an id");
  if (typeof count !== "number" || !Number.isSafeInteger(count) || count < 1) {
    throw new Error("an entry's count is not a whole number of at least 1");
  }
  const at = typeof expires === "string" && instant.test(expires) ? Date.parse(expires) : NaN;
  if (Number.isNaN(at))
    throw new Error("an entry's expires is not an instant with a zone, such as 2026-12-01T06:00:00Z");
  return { projectId: project, count, expiresAt: new Date(at) };
}

export const brakeOverrides: Kind<readonly BrakeOverride[]> = {
  name: "brake overrides",
  allowed: "a list of maps with project (id), count and expires (instant with a zone)",
  read: (raw) => {
    if (!Array.isArray(raw)) throw new Error("");
    return raw.map(one);
  },
};
