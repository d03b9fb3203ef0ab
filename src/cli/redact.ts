const hidden = "(hidden)";
const secretKey = /^(x-auth-token|x-subject-token|authorization|cookie)$|pass(word|wd|phrase)?$|secret$|token$/i;
/** Fernet and JWS tokens of Keystone, and a password in a URL. */
const secretText: readonly (readonly [RegExp, string])[] = [
  [/gAAAA[\w-]{20,}={0,2}/g, hidden],
  [/eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+/g, hidden],
  [/(:\/\/[^\s/:@]*:)[^\s@]*@/g, `$1${hidden}@`],
];

export const redactText = (text: string): string =>
  secretText.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text);

/** What an error says of itself and its causes, without its stack. */
function ofError(error: Error, depth: number): Record<string, unknown> {
  const own = Object.fromEntries(Object.entries(error).filter(([key]) => key !== "cause" && key !== "stack"));
  const cause = error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) };
  return { name: error.name, message: redactText(error.message), ...(redact(own, depth) as object), ...cause };
}

/**
 * A copy of what is to be logged, without secrets: values whose key names one, and texts that look like one. The last line of defence only:
 * nothing that holds a secret should get here.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return value.toISOString();
  // Deeper things are nothing a log line needs, and may be circular.
  if (depth > 6) return "...";
  if (value instanceof Error) return ofError(value, depth);
  if (Array.isArray(value)) return value.map((each) => redact(each, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      secretKey.test(key) && each !== null && each !== undefined ? hidden : redact(each, depth + 1),
    ]),
  );
}
