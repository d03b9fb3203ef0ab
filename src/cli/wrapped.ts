import { escapeText } from "../domain/escape.ts";

const columns = 100;

/** Lines of a terminal that begin with `first`, and go on below its end. The text is escaped. */
export function wrapped(first: string, text: string): string {
  const words = escapeText(text).split(" ");
  const indent = " ".repeat(first.length);
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of words) {
    if (!isEmpty && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line].map((each) => `${each.trimEnd()}\n`).join("");
}
