const hidden = "(hidden)";
const secretName = /pass|secret|token|credential|private|key$/i;

/**
 * A value as errors may show it: quoted, shortened, in one line, without secrets.
 * @param key the key it was given for; what its name or its form makes look like a secret is hidden
 */
export function showValue(value: unknown, key: string): string {
  if (value === null || value === undefined) return "nothing";
  if (secretName.test(key)) return hidden;
  const text = JSON.stringify(value);
  if (/:\/\/[^"]*@|pass|secret|token/i.test(text)) return hidden;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** A URL without its password. */
export function showUrl(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.password === "") return url;
  parsed.password = "***";
  return parsed.href;
}

/** A sensitive value as `config show` may print it: a database's address without its password, nothing of anything else. */
export function showSecret(value: unknown): unknown {
  if (value === null || value === undefined) return null;
  return typeof value === "string" && /^(sqlite|mysql):/.test(value) ? showUrl(value) : hidden;
}
