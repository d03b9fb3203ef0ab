import { formatDuration } from "../domain/durations.ts";
import type { ArchiveRule } from "../domain/policy.ts";
import { ConfigError } from "./errors.ts";
import type { Values } from "./option.ts";
import type { schema } from "./schema.ts";

/**
 * The rule for archives, and what its keys say together; `null` when none is set.
 * @throws ConfigError with all that is wrong
 */
export function buildArchive({ policy, backup }: Pick<Values<typeof schema>, "policy" | "backup">): ArchiveRule | null {
  const { every, first_of: firstOf, container, retention, availability_zone: availabilityZone } = policy.archive;
  const which = every !== null ? { every } : firstOf !== null ? { firstOf } : null;
  if (which === null && container === null && retention === null && availabilityZone === null) return null;

  const problems: string[] = [];
  if (every !== null && firstOf !== null) {
    problems.push("policy.archive.every and policy.archive.first_of exclude each other; take one of them out");
  }
  if (which === null) {
    problems.push(
      "policy.archive has no rule; set policy.archive.every or policy.archive.first_of, or take its keys out",
    );
  }
  if (container === null) problems.push("policy.archive.container is missing; set it to the container of the archives");
  if (container !== null && container === backup.container) {
    problems.push("policy.archive.container is backup.container, too; archives need another one");
  }
  if (retention === null)
    problems.push("policy.archive.retention is missing; set it to the age until which archives are kept");
  if (retention !== null && retention <= policy.retention) {
    const usual = `policy.retention (${formatDuration(policy.retention)})`;
    problems.push(`policy.archive.retention is no longer than ${usual}; allowed: more than that`);
  }
  if (problems.length > 0 || which === null || container === null || retention === null)
    throw new ConfigError(problems);
  return { which, container, retentionMs: retention, availabilityZone };
}
