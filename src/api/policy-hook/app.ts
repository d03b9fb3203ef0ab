import { Hono, type Context } from "hono";
import type { GuardedKind } from "../../domain/guard.ts";
import type { Logger } from "../../domain/log.ts";
import { no, refusals, yes, type Answer, type Refusal } from "./answers.ts";
import { readBody, type CheckBody } from "./body.ts";
import { within } from "./budget.ts";
import { check, type Checking } from "./check.ts";
import { healthRoutes, type Health } from "./health.ts";
import { UnreadableError } from "./json.ts";
import type { Observer } from "./metrics.ts";

export interface PolicyHookOptions extends Checking {
  /** A longer body is denied unread. */
  readonly bodyLimitBytes: number;
  /** From the request's headers to its answer; what takes longer is denied. */
  readonly budgetMs: number;
  readonly health: Health;
  readonly observer: Observer;
  readonly log: Logger;
}

/** Where Cinder's rules point to, with the kind of object that each is for and the id it may have in its query. */
const routes = [
  { path: "/v1/backup", kind: "backup" },
  { path: "/v1/snapshot", kind: "snapshot" },
  { path: "/v1/volume", kind: "volume" },
] as const satisfies readonly { path: string; kind: GuardedKind }[];

const idParameters = ["backup_id", "snapshot_id", "volume_id"] as const;

/**
 * The policy hook as an application without a listener: `fetch` of what it returns takes a Request and answers it. Keeps nothing between two
 * requests beyond what the catalogue and the look-up keep.
 */
export function createPolicyHook(options: PolicyHookOptions): Hono {
  const { budgetMs, observer, log } = options;
  const app = new Hono();
  for (const { path, kind } of routes) {
    app.post(path, async (c) => {
      const start = observer.begin();
      const outcome = await within(budgetMs, () => answerTo(c, kind, options), refused("too_slow"));
      observer.end(start, { kind, ...outcome });
      return respond(c, outcome.answer);
    });
  }
  healthRoutes(app, options.health);
  const checkPaths = new Set<string>(routes.map(({ path }) => path));
  app.notFound((c) => {
    const refusal = checkPaths.has(c.req.path) ? "unknown_method" : "unknown_path";
    return respond(c, refusals[refusal]);
  });
  app.onError((error, c) => {
    log.error({ error }, "a check failed by an error that nobody expected, and was denied");
    return respond(c, refusals.error);
  });
  return app;
}

export interface Outcome {
  readonly answer: Answer;
  /** For metrics and logs. */
  readonly reason: string;
}

const refused = (reason: Refusal): Outcome => ({ answer: refusals[reason], reason });

async function answerTo(c: Context, kind: GuardedKind, options: PolicyHookOptions): Promise<Outcome> {
  const { bodyLimitBytes, log } = options;
  // oslo.policy always says how long its body is. What does not is not read at all, so that nothing can grow.
  const length = c.req.header("content-length");
  if (length === undefined || !/^\d{1,15}$/.test(length)) return refused("no_length");
  if (Number(length) > bodyLimitBytes) return refused("too_long");
  // A body in a coding that we do not undo would have to be guessed at.
  if ((c.req.header("content-encoding") ?? "identity") !== "identity") return refused("unreadable");
  const bytes = await bytesOf(c);
  if (bytes === null) return refused("unreadable");
  if (bytes.length > bodyLimitBytes) return refused("too_long");
  let body: CheckBody;
  let named: string | null;
  try {
    body = readBody(bytes, c.req.header("content-type") ?? "");
    named = idInQuery(c);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    log.warn({ reason: error.message, bytes: bytes.length }, "denied a check that cannot be read");
    return refused("unreadable");
  }
  const checked = await check(body, { kind, named }, options);
  if (checked === null) return refused("unreadable");
  const { id, decision } = checked;
  const { userId, projectId } = body.caller;
  const about = { rule: body.rule, object: checked.kind, id, userId, projectId };
  if (decision === "incomplete") {
    log.warn(about, "denied a check whose body says too little of the object");
    return refused("incomplete");
  }
  const { allow, reason } = decision;
  if (allow) log.debug({ ...about, reason }, "allowed");
  else log.info({ ...about, reason }, "denied");
  return { answer: allow ? yes : no, reason };
}

/** Null when the client went away, or its connection broke, before all of it had come. */
async function bytesOf(c: Context): Promise<Uint8Array | null> {
  try {
    return new Uint8Array(await c.req.arrayBuffer());
  } catch {
    return null;
  }
}

/** @throws UnreadableError when there are two */
function idInQuery(c: Context): string | null {
  if (!c.req.url.includes("?")) return null;
  const ids = idParameters.flatMap((name) => c.req.queries(name) ?? []);
  if (ids.length > 1) throw new UnreadableError("two ids in the query");
  return ids[0] ?? null;
}

const headers = { "content-type": "text/plain; charset=utf-8" } as const;

function respond(c: Context, { status, text }: Answer): Response {
  if (status === 405) c.header("allow", "POST");
  // What was not read of a body must not be taken for the next request, and whoever sends slowly is not waited for.
  if (status === 408 || status === 411 || status === 413) c.header("connection", "close");
  return c.body(text, status, headers);
}
