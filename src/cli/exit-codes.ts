import { CommanderError } from "commander";
import { AuditError } from "../audit/errors.ts";
import { LeaseHeld, LeaseLost } from "../conductor/lease.ts";
import { ConfigError } from "../config/errors.ts";
import type { RunOutcome } from "../domain/runs.ts";
import {
  AllTenantsRefused,
  AuthenticationFailed,
  CloudError,
  ConnectionError,
  isAborted,
} from "../openstack/errors.ts";
import { StoreError, StoreLockedError } from "../store/errors.ts";

/** The exit codes of every command. */
export const exit = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** Some volumes failed, others did not. */
  partial: 3,
  config: 10,
  /** Another conductor holds the lease, or the database. */
  leaseHeld: 11,
  authentication: 12,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exit)[keyof typeof exit];

/** How a run's outcome shows in the exit code. */
export const exitOfOutcome = {
  ok: exit.ok,
  partial: exit.partial,
  failed: exit.failed,
  interrupted: exit.interrupted,
} as const satisfies Record<RunOutcome, ExitCode>;

/** The command line cannot be understood, or its options do not go together. */
export class UsageError extends Error {
  override get name(): string {
    return "UsageError";
  }
}

/** A failure that a command has a sentence and an exit code for. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  override get name(): string {
    return "CommandError";
  }
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

export interface Failure {
  readonly exitCode: ExitCode;
  /** For people; null when it has been printed already. */
  readonly message: string | null;
}

const isAbortError = (error: unknown): boolean =>
  isAborted(error) || (error instanceof Error && error.name === "AbortError");

/** The one place where what was thrown becomes an exit code and words. Anything we have no name for is a bug and shows its stack. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? exit.ok : exit.usage, message: null };
  if (isAbortError(error)) return { exitCode: exit.interrupted, message: "interrupted" };
  if (error instanceof UsageError) return { exitCode: exit.usage, message: error.message };
  if (error instanceof CommandError) return { exitCode: error.exitCode, message: error.message };
  if (error instanceof ConfigError) {
    const { problems } = error;
    const message = problems.length === 1 ? error.message : `${problems.length} problems\n  ${problems.join("\n  ")}`;
    return { exitCode: exit.config, message: `configuration: ${message}` };
  }
  if (error instanceof ConnectionError) return { exitCode: exit.config, message: error.message };
  if (error instanceof AllTenantsRefused) {
    const advice =
      "the reader must be an administrator, to see the servers and volumes of all projects (docs/privileges.md)";
    return { exitCode: exit.authentication, message: `${advice}: ${error.message}` };
  }
  if (error instanceof AuthenticationFailed) return { exitCode: exit.authentication, message: error.message };
  if (error instanceof CloudError) {
    return { exitCode: error.status === 401 ? exit.authentication : exit.failed, message: error.message };
  }
  if (error instanceof LeaseHeld || error instanceof LeaseLost) {
    return { exitCode: exit.leaseHeld, message: error.message };
  }
  if (error instanceof StoreLockedError) return { exitCode: exit.leaseHeld, message: error.message };
  if (error instanceof StoreError) return { exitCode: exit.failed, message: error.message };
  if (error instanceof AuditError) return { exitCode: ofAudit(error), message: error.message };
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exitCode: exit.failed, message: `an error that nobody expected; please report it:\n${stack}` };
}

function ofAudit({ kind }: AuditError): ExitCode {
  switch (kind) {
    case "auth":
      return exit.authentication;
    case "usage":
      return exit.usage;
    case "unreachable":
    case "refused":
    case "malformed":
      return exit.failed;
  }
}
