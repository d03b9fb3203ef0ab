/**
 * C0 and C1 controls and DEL drive a terminal; the line separators end a log line; the bidirectional controls (U+200E, U+200F, U+202A to
 * U+202E, U+2066 to U+2069) show text in another order than it has.
 */
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const names: Readonly<Record<string, string>> = { "\n": String.raw`\n`, "\r": String.raw`\r`, "\t": String.raw`\t` };

const visible = (character: string): string => {
  const code = character.charCodeAt(0);
  return names[character] ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`);
};

/** Text of a tenant or a service, safe to print within one line of a terminal or log: what is not visible is written as an escape. */
export const escapeText = (text: string): string => text.replace(unsafe, visible);
