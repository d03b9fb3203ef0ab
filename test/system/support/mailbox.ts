import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import PostalMime, { type Email } from "postal-mime";
import { start } from "./processes.ts";
import { until } from "./wait.ts";

/** A mail server that is none of ours (Debian's python3-aiosmtpd), with one Maildir for all. */
export interface Mailbox {
  readonly port: number;
  /** All that has arrived, parsed; `to` is the envelope's. */
  mails(): Promise<readonly { readonly to: string; readonly mail: Email }[]>;
  /** Ends the server; what has arrived stays. */
  stop(): Promise<void>;
  restart(): Promise<void>;
  remove(): Promise<void>;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  probe.close();
  await once(probe, "close");
  return address.port;
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("data", () => resolve(true)).once("error", () => resolve(false));
    socket.once("data", () => socket.destroy());
  });

export async function startMailbox(): Promise<Mailbox> {
  const directory = await mkdtemp(join(tmpdir(), "dirigent-mail-"));
  const maildir = join(directory, "maildir");
  const port = await freePort();
  const launch = async () => {
    const args = ["-n", "-l", `127.0.0.1:${port}`, "-c", "aiosmtpd.handlers.Mailbox", maildir];
    // Not the one of another Python that may come first.
    const child = start("/usr/bin/python3", ["-m", "aiosmtpd", ...args], { stdio: "ignore" });
    await until("the mail server answers", () => answers(port), { timeoutMs: 30_000 });
    return child;
  };
  let child = await launch();
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return {
    port,
    async mails() {
      const names = await readdir(join(maildir, "new"));
      return await Promise.all(
        names.map(async (name) => {
          const mail = await PostalMime.parse(await readFile(join(maildir, "new", name)));
          // The handler notes the envelope in headers of its own.
          return { to: mail.headers.find(({ key }) => key === "x-rcptto")?.value ?? "", mail };
        }),
      );
    },
    stop,
    async restart() {
      child = await launch();
    },
    async remove() {
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
