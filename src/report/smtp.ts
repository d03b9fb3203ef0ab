import SMTPConnection, { type SMTPConnectionOptions } from "nodemailer/lib/smtp-connection";
import type { Message } from "./message.ts";
import { accepted, failed, type Outcome } from "./outcome.ts";

export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /** `off`: no encryption. `starttls`: demanded, after a plain greeting. `implicit`: from the first byte. */
  readonly tls: "off" | "starttls" | "implicit";
  /** PEM of the authority to trust in place of the machine's own. */
  readonly ca: string | null;
  readonly login: { readonly user: string; readonly password: string } | null;
  /** For each answer of the server; a whole mail may take four times as long. */
  readonly timeoutMs: number;
  /** Name to greet with. */
  readonly clientName: string;
}

/** What a mail server says about one mail; everything else that goes wrong is the connection's. */
const commandsOfAMail = new Set(["MAIL FROM", "RCPT TO", "DATA"]);

interface SmtpError {
  readonly message: string;
  readonly code?: string | undefined;
  readonly command?: string | undefined;
  readonly responseCode?: number | undefined;
}

function outcomeOf(error: SmtpError): Outcome {
  const { command, responseCode } = error;
  // 421: the server closes the connection, whatever the command was.
  if (command === undefined || responseCode === undefined || responseCode === 421) return failed("down", error.message);
  if (!commandsOfAMail.has(command)) return failed("down", error.message);
  return failed(responseCode >= 500 ? "refused" : "later", error.message);
}

/** One connection to a mail server, opened with the first mail and used for all of a round. */
export class SmtpSession {
  readonly #settings: SmtpSettings;
  #connection: SMTPConnection | null = null;

  constructor(settings: SmtpSettings) {
    this.#settings = settings;
  }

  /** Never rejects. A server that lets bytes drip is given up, too: a mail has four times the timeout in all. */
  async send(message: Message, signal: AbortSignal): Promise<Outcome> {
    const reused = this.#connection !== null;
    const outcome = await this.#attempt(message, signal);
    // Servers end connections that have carried enough mails.
    return outcome.kind === "down" && reused && !signal.aborted ? await this.#attempt(message, signal) : outcome;
  }

  async #attempt(message: Message, signal: AbortSignal): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(4 * this.#settings.timeoutMs)]);
    const giveUp = (): void =>
      resolve(failed("down", signal.aborted ? "interrupted" : "the mail server took too long"));
    deadline.addEventListener("abort", giveUp, { once: true });
    if (deadline.aborted) giveUp();
    else
      this.#connected(
        (error) => resolve(outcomeOf(error)),
        (connection) => this.#transfer(connection, message, resolve),
      );
    const outcome = await promise;
    deadline.removeEventListener("abort", giveUp);
    // After an error nobody knows what the server waits for.
    if (outcome.kind !== "accepted") this.close();
    return outcome;
  }

  #transfer(connection: SMTPConnection, { from, to, raw }: Message, resolve: (outcome: Outcome) => void): void {
    connection.send({ from, to, size: raw.length }, raw, (error) =>
      resolve(error === null ? accepted : outcomeOf(error)),
    );
  }

  #connected(onError: (error: SmtpError) => void, onReady: (connection: SMTPConnection) => void): void {
    const { ca, clientName, host, login, port, timeoutMs, tls } = this.#settings;
    if (this.#connection !== null) {
      this.#connection.removeAllListeners("error");
      this.#connection.on("error", onError);
      onReady(this.#connection);
      return;
    }
    const options: SMTPConnectionOptions = {
      host,
      port,
      name: clientName,
      secure: tls === "implicit",
      requireTLS: tls === "starttls",
      ignoreTLS: tls === "off",
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      dnsTimeout: timeoutMs,
      socketCloseTimeout: 0,
      tls: { minVersion: "TLSv1.2", ...(ca === null ? {} : { ca }) },
    };
    const connection = new SMTPConnection(options);
    this.#connection = connection;
    connection.on("error", onError);
    connection.once("end", () => {
      if (this.#connection === connection) this.#connection = null;
      onError({ message: "the mail server closed the connection" });
    });
    connection.connect(() => {
      if (login === null) {
        onReady(connection);
        return;
      }
      const { user, password } = login;
      connection.login({ user, pass: password }, (error) => {
        if (error === null) onReady(connection);
        else onError({ message: `login: ${error.message}` });
      });
    });
  }

  /** Ends the connection at once. */
  close(): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.close();
  }

  /** Says goodbye, as good clients do. */
  quit(): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.quit();
  }
}
