import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";

/** What the launcher gives Node.js: what is measured is what runs. npm starts this in the project's folder. */
const flags = /^exec .* node (.*) "\$main"/m.exec(readFileSync(join("bin", "dirigent"), "utf8"))?.[1];
if (flags === undefined) throw new Error("bin/dirigent does not show with which flags it runs Node.js");

/** A process of this bench: the file, named without its ending, says what it does, its first argument how. It answers by messages. */
export class Child<Question> {
  readonly #process: ChildProcess;
  readonly #name: string;

  constructor(file: string, order: object) {
    this.#name = file;
    this.#process = fork(
      join(import.meta.dirname, `${file}${extname(import.meta.filename)}`),
      [JSON.stringify(order)],
      {
        execArgv: flags?.split(" ") ?? [],
        serialization: "advanced",
      },
    );
  }

  /** The first answer comes without being asked. */
  first<Answer>(): Promise<Answer> {
    return this.#next<Answer>();
  }

  ask<Answer>(question: Question): Promise<Answer> {
    this.#process.send(question as object);
    return this.#next<Answer>();
  }

  async #next<Answer>(): Promise<Answer> {
    const heard = new AbortController();
    try {
      const message = once(this.#process, "message", heard) as Promise<[Answer]>;
      const exit = once(this.#process, "exit", heard).then(([code, signal]) => {
        throw new Error(`${this.#name} ended (${String(code ?? signal)}) before it answered`);
      });
      const [answer] = await Promise.race([message, exit]);
      return answer;
    } finally {
      heard.abort();
    }
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, "exit");
    this.#process.kill();
    await gone;
  }
}

/** In a child: what it was told to do. */
export const orderOf = (): unknown => JSON.parse(process.argv[2] ?? "{}");

/** In a child: sends an answer to the process that started it. */
export const answer = (value: unknown): void => void process.send?.(value);

/** In a child: called for each question, until it is ended. */
export const onQuestion = (work: (question: unknown) => void): void => void process.on("message", work);
