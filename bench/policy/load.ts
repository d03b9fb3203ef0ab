import { connect, type Socket } from "node:net";

/** One kind of load on one server. */
export interface Load {
  readonly port: number;
  /** Whole requests, sent in turn. */
  readonly requests: readonly Buffer[];
  /** A connection for each request, as oslo.policy makes them, or few that are kept. */
  readonly keepAlive: boolean;
  readonly connections: number;
  readonly durationMs: number;
  /** Requests a second, whatever comes back; null: the next when one is answered. */
  readonly rate: number | null;
  /** Every answer must end so. */
  readonly expect: string;
}

export interface Measured {
  readonly count: number;
  readonly perSecond: number;
  /** Milliseconds, from when a request was due to the end of its answer. */
  readonly p50: number;
  readonly p99: number;
}

/** Loads a server and measures. @throws Error when an answer is not the expected one */
export async function measure(load: Load): Promise<Measured> {
  const tookMs: number[] = [];
  let sent = 0;
  const next = (): Buffer => load.requests[sent++ % load.requests.length] ?? Buffer.of();
  const began = performance.now();
  const end = began + load.durationMs;
  const dueAt = (index: number): number =>
    load.rate === null ? performance.now() : began + (index * 1000) / load.rate;
  const worker = async (): Promise<void> => {
    let connection: Connection | null = null;
    while (performance.now() < end) {
      const due = dueAt(sent);
      if (due > end) break;
      const request = next();
      await until(due);
      connection ??= await Connection.open(load.port);
      const answer = await connection.ask(request);
      if (!answer.endsWith(load.expect)) throw new Error(`an answer that nobody expected: ${answer}`);
      tookMs.push(performance.now() - due);
      if (!load.keepAlive) {
        connection.close();
        connection = null;
      }
    }
    connection?.close();
  };
  await Promise.all(Array.from({ length: load.connections }, worker));
  const seconds = (performance.now() - began) / 1000;
  tookMs.sort((a, b) => a - b);
  const percentile = (share: number): number => tookMs[Math.floor(tookMs.length * share)] ?? NaN;
  return { count: tookMs.length, perSecond: tookMs.length / seconds, p50: percentile(0.5), p99: percentile(0.99) };
}

/** Timers come a millisecond late at best, which would be a good part of what is measured: the rest is waited for turn by turn. */
async function until(due: number): Promise<void> {
  const restMs = due - performance.now();
  if (restMs > 2) await new Promise((resolve) => setTimeout(resolve, restMs - 1.5));
  while (performance.now() < due) await new Promise((resolve) => setImmediate(resolve));
}

/** A client that costs little beside the server: it looks at nothing but the end of an answer. */
class Connection {
  readonly #socket: Socket;
  #text = "";
  #answered: PromiseWithResolvers<string> | null = null;

  static async open(port: number): Promise<Connection> {
    const socket = connect(port, "127.0.0.1").setNoDelay(true);
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Connection(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1").on("data", (piece: string) => {
      this.#text += piece;
      // All answers have a length, and are done with the packet that has their end.
      if (/\r\n\r\n./.test(this.#text)) {
        const text = this.#text;
        this.#text = "";
        this.#answered?.resolve(text);
      }
    });
    socket.on("error", (error) => this.#answered?.reject(error));
    socket.on("close", () => this.#answered?.reject(new Error("the server closed the connection")));
  }

  ask(request: Buffer): Promise<string> {
    this.#answered = Promise.withResolvers();
    this.#socket.write(request);
    return this.#answered.promise;
  }

  close(): void {
    this.#answered = null;
    this.#socket.destroy();
  }
}
