import { once } from "node:events";
import type { AddressInfo } from "node:net";
import PostalMime, { type Email } from "postal-mime";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

/** A mail as it arrived. */
export interface Arrived {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
  readonly mail: Email;
  readonly secure: boolean;
  readonly user: string | null;
}

/** How the server answers a mail: a refusal with its code, `hang` for nothing at all. */
export type Mood = { readonly code: number; readonly at: "RCPT" | "DATA" } | "hang" | null;

export interface MailServer {
  readonly port: number;
  readonly arrived: Arrived[];
  /** Connections that were made. */
  readonly connections: () => number;
  /** How it treats mails to an address from now on. */
  setMood(mood: (to: string) => Mood): void;
  close(): Promise<void>;
}

const refusal = (code: number): Error =>
  Object.assign(new Error(code < 500 ? "try again later" : "no such user here"), { responseCode: code });

/** A real SMTP server on a loopback port; what it takes is parsed by an independent parser. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const arrived: Arrived[] = [];
  let mood: (to: string) => Mood = () => null;
  let connections = 0;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    logger: false,
    disableReverseLookup: true,
    closeTimeout: 50,
    onConnect: (_session, done) => {
      connections += 1;
      done();
    },
    onRcptTo: ({ address }, _session, done) => {
      const now = mood(address);
      if (now === "hang") return;
      if (now?.at === "RCPT") done(refusal(now.code));
      else done();
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const raw = Buffer.concat(chunks);
        const to = session.envelope.rcptTo.map(({ address }) => address);
        const now = mood(to[0] ?? "");
        if (now !== null && now !== "hang") {
          done(refusal(now.code));
          return;
        }
        const from = session.envelope.mailFrom === false ? "" : session.envelope.mailFrom.address;
        void PostalMime.parse(raw).then((mail) => {
          const user = typeof session.user === "string" ? session.user : null;
          arrived.push({ from, to, raw: raw.toString("utf8"), mail, secure: session.secure, user });
          done();
        });
      });
    },
    ...options,
  });
  // Clients that are cut off are part of the tests.
  server.on("error", () => undefined);
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  return {
    port: (listening.address() as AddressInfo).port,
    arrived,
    connections: () => connections,
    setMood: (next) => {
      mood = next;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
