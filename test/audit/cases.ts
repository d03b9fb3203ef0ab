import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { audit } from "../../src/audit/audit.ts";
import type { FindingCode, Severity } from "../../src/audit/findings.ts";
import type { ListedBackup, ListedVolume, Listing } from "../../src/audit/listing.ts";
import type { AuditOptions } from "../../src/audit/options.ts";
import { later, listing, point, rules } from "./builders.ts";

/** Three chains of volume v1, kept for a fortnight each. */
export const f1 = point({ id: "f1", created: "2026-01-01T00:00:00", keepUntil: "2026-01-15T00:00:00Z" });
export const i1 = point({ id: "i1", created: "2026-01-02T00:00:00", keepUntil: "2026-01-16T00:00:00Z", parent: "f1" });
export const f2 = point({ id: "f2", created: "2026-01-03T00:00:00", keepUntil: "2026-01-17T00:00:00Z" });
export const i2 = point({ id: "i2", created: "2026-01-04T00:00:00", keepUntil: "2026-01-18T00:00:00Z", parent: "f2" });
export const f3 = point({ id: "f3", created: "2026-01-05T00:00:00", keepUntil: "2026-01-19T00:00:00Z" });
export const i3 = point({ id: "i3", created: "2026-01-06T00:00:00", keepUntil: "2026-01-20T00:00:00Z", parent: "f3" });
export const chains = [f1, i1, f2, i2, f3, i3];

/** A new full of v1, made between the two listings. */
export const f4 = point({ id: "f4", created: "2026-01-20T12:00:00", keepUntil: "2026-02-03T00:00:00Z" });

/** One audit. The times are such that all keep-until marks of `chains` have passed. */
export interface Case {
  readonly name: string;
  /** The backups and snapshots of the earlier listing; without them there is none. */
  readonly before?: readonly ListedBackup[];
  /** Default 2026-01-20T01:00:00Z. */
  readonly beforeAt?: string;
  /** What went from them. */
  readonly gone?: readonly string[];
  /** What came, or is shown otherwise now. */
  readonly came?: readonly ListedBackup[];
  /** Default 2026-01-21T00:00:00Z, 23 hours later. */
  readonly at?: string;
  readonly volumes?: readonly ListedVolume[];
  readonly volumesNow?: readonly ListedVolume[];
  readonly options?: Partial<AuditOptions>;
  /** Code, severity and points of each finding, in order. */
  readonly want: readonly (readonly [FindingCode, Severity, readonly string[]])[];
}

/** Makes a test of each case. */
export function check(name: string, cases: readonly Case[]): void {
  describe(name, () => {
    for (const each of cases) {
      it(each.name, () => {
        const [before, now] = listings(each);
        const findings = audit(before, now, { ...rules, ...each.options });
        assert.deepEqual(
          findings.map((finding) => [finding.code, finding.severity, finding.backupIds]),
          each.want,
        );
        assert.ok(findings.every((finding) => finding.text !== ""));
      });
    }
  });
}

function listings(spec: Case): [Listing | undefined, Listing] {
  const at = spec.beforeAt ?? "2026-01-20T01:00:00Z";
  const before = listing({ at, points: spec.before ?? [], ...(spec.volumes && { volumes: spec.volumes }) });
  const now = later(before, spec.at ?? "2026-01-21T00:00:00Z", {
    ...(spec.gone && { gone: spec.gone }),
    ...(spec.came && { came: spec.came }),
  });
  return [spec.before && before, spec.volumesNow ? { ...now, volumes: spec.volumesNow } : now];
}

/** The backup with other marks; undefined takes one away. */
export function marked(backup: ListedBackup, marks: Readonly<Record<string, string | undefined>>): ListedBackup {
  const all: Readonly<Record<string, string | undefined>> = { ...backup.metadata, ...marks };
  const kept = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...backup, metadata: Object.fromEntries(kept) };
}
