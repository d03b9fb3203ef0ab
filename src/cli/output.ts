import { escapeText } from "../domain/escape.ts";

/** Where text goes: standard output or standard error. */
export interface Sink {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  /** What is written goes straight to journald. */
  readonly isJournal?: boolean;
}

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  /** Any text; the table escapes it. */
  readonly value: (row: Row) => string;
  readonly align?: "left" | "right";
}

const width = (text: string): number => Array.from(text).length;

/** A table for people, one row a line, columns by two spaces apart. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) => columns.map(({ value }) => escapeText(value(row))));
  const titles = columns.map(({ title }) => title);
  const widths = titles.map((title, i) => Math.max(width(title), ...cells.map((row) => width(row[i] ?? ""))));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => {
        const gap = " ".repeat((widths[i] ?? 0) - width(cell));
        return columns[i]?.align === "right" ? gap + cell : cell + gap;
      })
      .join("  ")
      .trimEnd();
  return [titles, ...cells].map((row) => `${line(row)}\n`).join("");
}

export interface Output {
  /** True when `--json` was given. */
  readonly json: boolean;
  /** Prints a command's data to standard output: the value under `--json`, else the words. */
  data(value: unknown, words: () => string): void;
  /** Tells people something, on standard error. The text is escaped. */
  note(text: string): void;
  /** Shows how far it is, on one line of a terminal that the next call overwrites; nothing elsewhere. `null` takes it away. */
  progress(text: string | null): void;
}

const startOfLine = "\r\u001b[2K";

export function createOutput(options: { stdout: Sink; stderr: Sink; json: boolean }): Output {
  const { stdout, stderr, json } = options;
  let showing = false;
  const clear = (): void => {
    if (showing) stderr.write(startOfLine);
    showing = false;
  };
  return {
    json,
    data(value, words) {
      clear();
      if (json) {
        stdout.write(`${JSON.stringify(value, null, stdout.isTerminal ? 2 : undefined)}\n`);
        return;
      }
      const text = words();
      stdout.write(text === "" || text.endsWith("\n") ? text : `${text}\n`);
    },
    note(text) {
      clear();
      stderr.write(`${escapeText(text)}\n`);
    },
    progress(text) {
      clear();
      if (text === null || !stderr.isTerminal) return;
      stderr.write(escapeText(text));
      showing = true;
    },
  };
}
