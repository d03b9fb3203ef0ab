import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { variable, type Environment } from "../../config/environment.ts";
import type { Logger } from "../../domain/log.ts";

/** What systemd is told of this process (sd_notify(3)). Calls never wait and never fail: a service without anybody to tell runs as well. */
export interface ServiceManager {
  /** The start has succeeded, or a reload is done. */
  ready(): void;
  reloading(): void;
  /** No more work is begun; ending takes at most `withinMs`. */
  stopping(withinMs: number): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  /** The watchdog is fed. */
  alive(): void;
  /** Longest time between two calls of {@link alive} before systemd ends the process; null: nobody watches. */
  readonly watchdogMs: number | null;
  /** Resolves when all that was told has been delivered, or could not be. */
  settled(): Promise<void>;
}

/** Delivers one message: its assignments, such as `READY=1`. */
export type Deliver = (assignments: readonly string[]) => Promise<void>;

/** A message that hangs is given up after this. */
const deliveryTimeoutMs = 10_000;

/** Node.js has no datagram sockets of the Unix kind; systemd's own tool has, and waits until systemd knows whom the message is from. */
const bySystemdNotify: Deliver = async (assignments) => {
  await promisify(execFile)("systemd-notify", [...assignments], { timeout: deliveryTimeoutMs, killSignal: "SIGKILL" });
};

/** The service manager that started this process, as its environment says; nobody, where it says nothing. */
export function serviceManager(
  environment: Environment,
  { log, deliver = bySystemdNotify }: { log: Logger; deliver?: Deliver },
): ServiceManager {
  const watchdogUs = Number(variable(environment, "WATCHDOG_USEC") ?? NaN);
  const watchdogMs = Number.isFinite(watchdogUs) && watchdogUs > 0 ? watchdogUs / 1000 : null;
  const mail = variable(environment, "NOTIFY_SOCKET") === null ? null : new Outbox(deliver, log);
  return {
    watchdogMs: mail === null ? null : watchdogMs,
    ready: () => mail?.put({ READY: "1" }),
    reloading: () => mail?.put({ RELOADING: "1" }),
    stopping: (withinMs) => mail?.put({ STOPPING: "1", EXTEND_TIMEOUT_USEC: String(Math.ceil(withinMs * 1000)) }),
    status: (text) => mail?.put({ STATUS: text.replace(/\s+/g, " ") }),
    alive: () => mail?.put({ WATCHDOG: "1" }),
    settled: () => mail?.settled() ?? Promise.resolve(),
  };
}

type Message = Readonly<Record<string, string>>;

/** What may be told together with, or in place of, what waits to be told: the rest has an order. */
const passing: ReadonlySet<string> = new Set(["STATUS", "WATCHDOG"]);
const isPassing = (message: Message): boolean => Object.keys(message).every((key) => passing.has(key));

/** Delivers one message after another. */
class Outbox {
  readonly #deliver: Deliver;
  readonly #log: Logger;
  readonly #waiting: Message[] = [];
  #sending: Promise<void> | null = null;
  #failed = false;

  constructor(deliver: Deliver, log: Logger) {
    this.#deliver = deliver;
    this.#log = log;
  }

  put(message: Message): void {
    const last = this.#waiting.at(-1);
    if (last !== undefined && isPassing(message)) this.#waiting[this.#waiting.length - 1] = { ...last, ...message };
    else this.#waiting.push(message);
    this.#sending ??= this.#send();
  }

  async settled(): Promise<void> {
    await this.#sending;
  }

  async #send(): Promise<void> {
    // What is told in one go of the program goes as one message.
    await Promise.resolve();
    for (let message = this.#waiting.shift(); message !== undefined; message = this.#waiting.shift()) {
      try {
        await this.#deliver(Object.entries(message).map(([key, value]) => `${key}=${value}`));
        this.#failed = false;
      } catch (error) {
        if (!this.#failed) this.#log.error({ error }, "systemd could not be told how the service is");
        this.#failed = true;
      }
    }
    this.#sending = null;
  }
}
