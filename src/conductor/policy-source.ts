import { ConfigError } from "../config/errors.ts";
import { readPolicyBook, versionOf, type BookDefaults, type PolicyFiles } from "../config/policies/read-book.ts";
import type { PolicyBook } from "../domain/policy-book.ts";
import { operation, type Conductor } from "./context.ts";

/** What a look at the files came to. */
export interface PolicyLook {
  /** What is in force. */
  readonly book: PolicyBook;
  /** What is wrong with the files as they are; then the last good ones are in force. */
  readonly problems: readonly string[];
  /** The files are not as the look before found them. */
  readonly changed: boolean;
}

/** The policies, rules and exclusions of the operator's files. */
export interface PolicySource {
  /** What is in force since the last look. */
  book(): PolicyBook;
  /** What is wrong with the files as the last look found them. */
  problems(): readonly string[];
  /** Reads the files again. */
  look(): PolicyLook;
}

/** The last look at the files, and what made it. */
interface Looked extends Omit<PolicyLook, "changed"> {
  readonly builtIn: BookDefaults["builtIn"];
  /** Of the texts, or what was wrong with reading them. */
  readonly fingerprint: string;
  readonly good: PolicyFiles;
}

/**
 * Reads the files, and again whenever it is asked to look. Files that are wrong leave the last good ones in force.
 * @param options `files` may throw a ConfigError; `defaults` are asked for at every look
 * @throws ConfigError when they are wrong at the start
 */
export function openPolicySource(options: {
  readonly files: () => PolicyFiles;
  readonly defaults: () => BookDefaults;
}): PolicySource {
  const { files, defaults } = options;
  const first = files();
  let last: Looked = {
    book: readPolicyBook(first, defaults()),
    problems: [],
    builtIn: defaults().builtIn,
    fingerprint: fingerprintOf(first),
    good: first,
  };
  return {
    book: () => last.book,
    problems: () => last.problems,
    look() {
      const before = last;
      last = lookAgain(before, files, defaults());
      return { book: last.book, problems: last.problems, changed: last.fingerprint !== before.fingerprint };
    },
  };
}

function lookAgain(before: Looked, files: () => PolicyFiles, defaults: BookDefaults): Looked {
  const { builtIn } = defaults;
  let fingerprint: string | null = null;
  try {
    const now = files();
    fingerprint = fingerprintOf(now);
    // The configuration is read as a whole, so a new one has a new built-in policy.
    if (fingerprint === before.fingerprint && builtIn === before.builtIn) return before;
    return { book: readPolicyBook(now, defaults), problems: [], builtIn, fingerprint, good: now };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems } = error;
    return {
      book: builtIn === before.builtIn ? before.book : lastGood(before, defaults),
      problems,
      builtIn,
      fingerprint: fingerprint ?? JSON.stringify(problems),
      good: before.good,
    };
  }
}

/** The last good files under another configuration; where that does not suit them, as they were. */
function lastGood({ book, good }: Looked, defaults: BookDefaults): PolicyBook {
  try {
    return readPolicyBook(good, defaults);
  } catch (error) {
    if (error instanceof ConfigError) return book;
    throw error;
  }
}

const fingerprintOf = (files: PolicyFiles): string => versionOf(files) ?? "none";

/**
 * Looks at the files at the beginning of a run: says in the log and in the trail when they are wrong, and that they have changed.
 * @returns the version to go by; `null` where there are no files
 */
export async function lookAtPolicies(conductor: Conductor, runId: string): Promise<string | null> {
  const { log, onPolicyFiles, policySource, repository } = conductor;
  if (policySource === undefined) return null;
  const { book, problems, changed } = policySource.look();
  const isValid = problems.length === 0;
  onPolicyFiles?.(isValid);
  if (!isValid) {
    log.error({ problems, inForce: book.version }, "the policy files are not valid; the last good ones stay in force");
  }
  if (changed) {
    if (isValid) log.info({ version: book.version }, "the policy files were read again");
    const row = operation(conductor, runId, {
      kind: "notice",
      reason: isValid ? "policies_changed" : "policies_invalid",
      message: isValid ? `version ${book.version ?? "none"}` : problems.join("\n"),
    });
    await repository.appendOperations([row]);
  }
  return book.version;
}
