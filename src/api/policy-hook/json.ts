/** A text is no JSON, or JSON that two readers may understand differently. */
export class UnreadableError extends Error {
  override get name(): string {
    return "UnreadableError";
  }
}

/**
 * Parses JSON and refuses an object that names a member twice: which of the two counts is each parser's own choice, so a check might read
 * another object than the one that is acted on.
 * @throws UnreadableError
 */
export function parseStrictly(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UnreadableError("no JSON");
  }
  if (membersWritten(text) !== membersKept(value)) throw new UnreadableError("a member is named twice");
  return value;
}

/** Every member has one colon outside of strings. The text is known to be well-formed. */
function membersWritten(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === colon) count += 1;
    else if (code === quote) at = closingQuote(text, at + 1);
  }
  return count;
}

const colon = 0x3a;
const quote = 0x22;
const backslash = 0x5c;

function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); ; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === backslash && at - 1 - escapes >= from) escapes += 1;
    if (escapes % 2 === 0) return at;
  }
}

/** Without recursion: what is nested deeply must not use up the stack. */
function membersKept(value: unknown): number {
  let count = 0;
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== "object" || next === null) continue;
    if (Array.isArray(next)) {
      for (const item of next) open.push(item);
      continue;
    }
    const members: unknown[] = Object.values(next);
    count += members.length;
    for (const member of members) if (typeof member === "object") open.push(member);
  }
  return count;
}
