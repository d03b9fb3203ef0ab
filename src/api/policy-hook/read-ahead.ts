import type { IncomingMessage } from "node:http";
import type { Context } from "hono";

/**
 * A request whose body the listener has read before the application is called: then the application can decide at once, without waiting for
 * anything, which halves what it costs. In another host's server there is none of this, and the application reads the body itself.
 */
export interface ReadAhead extends IncomingMessage {
  /** The adapter looks for it under this name, too. */
  rawBody?: Buffer;
  /** The body did not come in time. */
  bodyLate?: true;
}

export interface ReadAheadLimits {
  /** Longer ones are left for the application to refuse. */
  readonly bodyLimitBytes: number;
  /** For the body to arrive. */
  readonly budgetMs: number;
}

/** Reads the body of `request`, then calls `then`; at once when there is none, or one that the application refuses anyway. */
export function readAhead(request: ReadAhead, { bodyLimitBytes, budgetMs }: ReadAheadLimits, then: () => void): void {
  const length = Number(request.headers["content-length"]);
  if (request.method !== "POST" || !(length <= bodyLimitBytes)) {
    then();
    return;
  }
  // What came in one piece with its head is complete when the parser has returned.
  process.nextTick(() => {
    if (request.complete) {
      request.rawBody = (request.read() as Buffer | null) ?? Buffer.alloc(0);
      request.resume(); // to its end, which is here already
      then();
    } else collect(request, budgetMs, then);
  });
}

function collect(request: ReadAhead, budgetMs: number, then: () => void): void {
  const pieces: Buffer[] = [];
  const onData = (piece: Buffer): void => void pieces.push(piece);
  const end = (): void => {
    clearTimeout(timer);
    request.off("data", onData).off("end", onEnd).off("close", onEnd);
    then();
  };
  const onEnd = (): void => {
    // Otherwise the client has gone, and the application will find that out.
    if (request.complete) request.rawBody = pieces.length === 1 ? (pieces[0] ?? Buffer.of()) : Buffer.concat(pieces);
    end();
  };
  const timer = setTimeout(() => {
    request.bodyLate = true;
    end();
  }, budgetMs);
  request.on("data", onData).on("end", onEnd).on("close", onEnd);
}

/** The request as the listener has it; null in another host's server. */
export function incomingOf(c: Context): ReadAhead | null {
  const { incoming } = (c.env ?? {}) as { readonly incoming?: ReadAhead };
  return incoming ?? null;
}
