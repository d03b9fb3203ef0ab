import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { start } from "./processes.ts";

export type NotifyMessage = Readonly<Record<string, string>>;

/** A listener in place of systemd's, with all that it was told so far. */
export interface NotifySocket {
  readonly path: string;
  readonly messages: readonly NotifyMessage[];
  /** Every value of one variable, in order. */
  values(name: string): readonly string[];
  /** Forgets what it was told. */
  clear(): void;
  close(): Promise<void>;
}

/** Listens on a datagram socket at `path`; Python does, since Node.js cannot. */
export async function listenForNotify(path: string): Promise<NotifySocket> {
  const child = start("/usr/bin/python3", [join(import.meta.dirname, "notify-socket.py"), path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.stdout === null) throw new Error("the listener has no standard output");
  const messages: NotifyMessage[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => messages.push(JSON.parse(line) as NotifyMessage));
  await once(lines, "line");
  messages.length = 0;
  return {
    path,
    messages,
    values: (name) => messages.flatMap((message) => message[name] ?? []),
    clear: () => void (messages.length = 0),
    async close() {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    },
  };
}
