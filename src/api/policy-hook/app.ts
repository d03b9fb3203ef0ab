import { Hono, type Context } from "hono";
import type { GuardedKind } from "../../domain/guard.ts";
import type { Logger } from "../../domain/log.ts";
import { no, refusals, yes, type Answer, type Refusal } from "./answers.ts";
import { readBody, type CheckBody } from "./body.ts";
import { within } from "./budget.ts";
import { check, type Checked, type Checking } from "./check.ts";
import { healthRoutes, type Health } from "./health.ts";
import { UnreadableError } from "./json.ts";
import type { Observer } from "./metrics.ts";
import { incomingOf } from "./read-ahead.ts";

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
    app.post(path, (c): Response | Promise<Response> => {
      const start = observer.begin();
      const done = (outcome: Outcome): Response => {
        observer.end(start, { kind, ...outcome });
        return respond(outcome.answer);
      };
      const outcome = answerTo(c, kind, options);
      // Without a promise where nothing has to be waited for: most of all checks, and by far the fastest way through Hono.
      return outcome instanceof Promise ? within(budgetMs, outcome, refused("too_slow")).then(done) : done(outcome);
    });
  }
  healthRoutes(app, options.health);
  const checkPaths = new Set<string>(routes.map(({ path }) => path));
  app.notFound((c) => {
    const refusal = checkPaths.has(c.req.path) ? "unknown_method" : "unknown_path";
    return respond(refusals[refusal]);
  });
  app.onError((error) => {
    log.error({ error }, "a check failed by an error that nobody expected, and was denied");
    return respond(refusals.error);
  });
  return app;
}

export interface Outcome {
  readonly answer: Answer;
  /** For metrics and logs. */
  readonly reason: string;
}

const refused = (reason: Refusal): Outcome => ({ answer: refusals[reason], reason });

function answerTo(c: Context, kind: GuardedKind, options: PolicyHookOptions): Outcome | Promise<Outcome> {
  const { bodyLimitBytes } = options;
  const incoming = incomingOf(c);
  const header = (name: string): string | undefined => {
    const value = incoming === null ? c.req.header(name) : incoming.headers[name];
    return typeof value === "string" ? value : undefined;
  };
  // oslo.policy always says how long its body is. What does not is not read at all, so that nothing can grow.
  const length = header("content-length");
  if (length === undefined || !/^\d{1,15}$/.test(length)) return refused("no_length");
  if (Number(length) > bodyLimitBytes) return refused("too_long");
  // A body in a coding that we do not undo would have to be guessed at.
  if ((header("content-encoding") ?? "identity") !== "identity") return refused("unreadable");
  if (incoming?.bodyLate === true) return refused("too_slow");
  const type = header("content-type") ?? "";
  const decide = (bytes: Uint8Array | null): Outcome | Promise<Outcome> => {
    if (bytes === null) return refused("unreadable");
    if (bytes.length > bodyLimitBytes) return refused("too_long");
    return decideOn({ bytes, type, url: c.req.url, kind }, options);
  };
  return incoming?.rawBody === undefined ? bytesOf(c).then(decide) : decide(incoming.rawBody);
}

interface Received {
  readonly bytes: Uint8Array;
  /** The content type. */
  readonly type: string;
  readonly url: string;
  readonly kind: GuardedKind;
}

function decideOn({ bytes, type, url, kind }: Received, options: PolicyHookOptions): Outcome | Promise<Outcome> {
  let body: CheckBody;
  let named: string | null;
  try {
    body = readBody(bytes, type);
    named = idInQuery(url);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    options.log.warn({ reason: error.message, bytes: bytes.length }, "denied a check that cannot be read");
    return refused("unreadable");
  }
  const checked = check(body, { kind, named }, options);
  const outcome = (found: Checked | null): Outcome => outcomeOf(found, body, options.log);
  return checked instanceof Promise ? checked.then(outcome) : outcome(checked);
}

function outcomeOf(checked: Checked | null, body: CheckBody, log: Logger): Outcome {
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
function idInQuery(url: string): string | null {
  const at = url.indexOf("?");
  if (at === -1) return null;
  const query = new URLSearchParams(url.slice(at));
  const ids = idParameters.flatMap((name) => query.getAll(name));
  if (ids.length > 1) throw new UnreadableError("two ids in the query");
  return ids[0] ?? null;
}

/** What was not read of a body must not be taken for the next request, and whoever sends slowly is not waited for. */
const closing: ReadonlySet<number> = new Set([408, 411, 413]);

function respond({ status, text }: Answer): Response {
  // Without headers of its own it is text in UTF-8, and quicker: Headers are slow to make.
  if (status === 405) return new Response(text, { status, headers: { allow: "POST", ...plainText } });
  if (closing.has(status)) return new Response(text, { status, headers: { connection: "close", ...plainText } });
  return new Response(text, { status });
}

const plainText = { "content-type": "text/plain; charset=UTF-8" } as const;
