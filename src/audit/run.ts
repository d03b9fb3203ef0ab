import { audit } from "./audit.ts";
import type { CloudAccess } from "./cloud.ts";
import { AuditError } from "./errors.ts";
import type { Finding, Severity } from "./findings.ts";
import { loadListing, saveListing } from "./listing-file.ts";
import { takeListing } from "./listing.ts";
import type { Listing } from "./listing.ts";
import type { AuditOptions } from "./options.ts";

export interface RunAuditOptions {
  readonly cloud: CloudAccess;
  readonly rules: AuditOptions;
  /** The clock that stamps the listing. */
  readonly now: () => Date;
  /** The earlier listing, or the file it was saved to. */
  readonly before?: Listing | { readonly file: string };
  /** Where to leave this listing for the next audit; may be the file of `before`. */
  readonly saveFile?: string;
  readonly signal?: AbortSignal;
  readonly pageSize?: number;
  readonly concurrency?: number;
}

export interface AuditReport {
  /** False when there is any finding of severity `failure`. */
  readonly passed: boolean;
  /** Failures first, then warnings, then information. */
  readonly findings: readonly Finding[];
  readonly listing: Listing;
  /** Why `saveFile` was left alone, if it was. */
  readonly notSaved?: string;
}

/**
 * Takes a listing and judges it, against an earlier one if there is one.
 * @throws AuditHttpError, AuditError (`auth`, `unreachable`, `refused`, `malformed`, `usage`)
 */
export async function runAudit(options: RunAuditOptions): Promise<AuditReport> {
  const { before: earlier, now, signal, pageSize, concurrency } = options;
  if (options.rules.userIds.length === 0) {
    throw new AuditError("usage", "the audit must be told the user ids of the conductor");
  }
  const before = earlier && "file" in earlier ? await loadListing(earlier.file) : earlier;
  const listing = await takeListing(options.cloud, {
    now,
    ...(signal && { signal }),
    ...(pageSize !== undefined && { pageSize }),
    ...(concurrency !== undefined && { concurrency }),
    ...(before && { formerParents: before }),
  });
  const findings = bySeverity(audit(before, listing, options.rules));
  const passed = !findings.some((each) => each.severity === "failure");

  const notSaved = reasonNotToSave(before, listing);
  if (options.saveFile !== undefined && notSaved === undefined) await saveListing(options.saveFile, listing);
  return { passed, findings, listing, ...(options.saveFile !== undefined && notSaved !== undefined && { notSaved }) };
}

/** A listing made with lost rights would hide, from the next audit on, what went meanwhile. */
function reasonNotToSave(before: Listing | undefined, listing: Listing): string | undefined {
  if (listing.rights === "missing") return "the listing is partial";
  if (listing.rights === "unproven" && before?.rights === "proven")
    return "the listing is empty and the earlier one is not";
  return undefined;
}

const order: readonly Severity[] = ["failure", "warning", "information"];
const bySeverity = (findings: readonly Finding[]): Finding[] =>
  findings.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
