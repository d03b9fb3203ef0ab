import { formatDuration } from "../domain/durations.ts";
import type { ArchiveRule } from "../domain/policy.ts";
import { ConfigError } from "./errors.ts";
import type { Values } from "./option.ts";
import type { archiveKeys } from "./schema.ts";

/** What an archive must differ from, and what its policy is called. */
interface Usual {
  /** Of the policy, e.g. `policy` or `policies.gold`. */
  readonly key: string;
  /** Of the other backups, and the key that says so. */
  readonly container: { readonly key: string; readonly name: string | null };
  /** By age, and the key that says so. */
  readonly retention: { readonly key: string; readonly ms: number };
}

/**
 * The rule for archives, and what its keys say together; `null` when none is set.
 * @throws ConfigError with all that is wrong
 */
export function buildArchive(keys: Values<typeof archiveKeys>, usual: Usual): ArchiveRule | null {
  const { every, first_of: firstOf, container, retention, availability_zone: availabilityZone } = keys;
  const which = every !== null ? { every } : firstOf !== null ? { firstOf } : null;
  if (which === null && container === null && retention === null && availabilityZone === null) return null;

  const section = `${usual.key}.archive`;
  const problems: string[] = [];
  if (every !== null && firstOf !== null) {
    problems.push(`${section}.every and ${section}.first_of exclude each other; take one of them out`);
  }
  if (which === null) {
    problems.push(`${section} has no rule; set ${section}.every or ${section}.first_of, or take its keys out`);
  }
  if (container === null) problems.push(`${section}.container is missing; set it to the container of the archives`);
  if (container !== null && container === usual.container.name) {
    problems.push(`${section}.container is ${usual.container.key}, too; archives need another one`);
  }
  if (retention === null) {
    problems.push(`${section}.retention is missing; set it to the age until which archives are kept`);
  }
  if (retention !== null && retention <= usual.retention.ms) {
    const longest = `${usual.retention.key} (${formatDuration(usual.retention.ms)})`;
    problems.push(`${section}.retention is no longer than ${longest}; allowed: more than that`);
  }
  if (problems.length > 0 || which === null || container === null || retention === null)
    throw new ConfigError(problems);
  return { which, container, retentionMs: retention, availabilityZone };
}
