/** An answer that is not what the API promises. The service client turns it into a CloudError that says which call it was. */
export class MalformedAnswer extends Error {
  override get name(): string {
    return "MalformedAnswer";
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** OpenStack mostly omits the zone ("2024-05-30T03:35:03.000000") and means UTC; Date would take it for local time. */
export const parseUtc = (text: string): Date => new Date(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);

/** Reads one JSON object of an answer, field by field, so that a surprise is a named failure and not an `undefined` that wanders on. */
export class Row {
  readonly #fields: Record<string, unknown>;
  readonly #what: string;

  /** @param what how messages call it, e.g. `backup` */
  constructor(value: unknown, what: string) {
    if (!isObject(value)) throw new MalformedAnswer(`${what} is not an object`);
    this.#fields = value;
    this.#what = what;
  }

  keys(): string[] {
    return Object.keys(this.#fields);
  }

  text(key: string): string {
    const value = this.#fields[key];
    if (typeof value !== "string") throw this.#wrong(key, "a text");
    return value;
  }

  textOrNull(key: string): string | null {
    return this.#absent(key) ? null : this.text(key);
  }

  number(key: string): number {
    const value = this.#fields[key];
    if (typeof value !== "number") throw this.#wrong(key, "a number");
    return value;
  }

  numberOrNull(key: string): number | null {
    return this.#absent(key) ? null : this.number(key);
  }

  flag(key: string): boolean {
    const value = this.#fields[key];
    if (typeof value !== "boolean") throw this.#wrong(key, "true or false");
    return value;
  }

  flagOr(key: string, absent: boolean): boolean {
    return this.#absent(key) ? absent : this.flag(key);
  }

  time(key: string): Date {
    const at = parseUtc(this.text(key));
    if (Number.isNaN(at.getTime())) throw this.#wrong(key, "a time");
    return at;
  }

  timeOrNull(key: string): Date | null {
    return this.#absent(key) ? null : this.time(key);
  }

  row(key: string): Row {
    return new Row(this.#fields[key], `${this.#what}.${key}`);
  }

  rowOrNull(key: string): Row | null {
    return this.#absent(key) ? null : this.row(key);
  }

  rows(key: string): Row[] {
    const value = this.#fields[key];
    if (!Array.isArray(value)) throw this.#wrong(key, "a list");
    return value.map((item: unknown) => new Row(item, `${this.#what}.${key}[]`));
  }

  rowsOrNone(key: string): Row[] {
    return this.#absent(key) ? [] : this.rows(key);
  }

  /** A list of texts. */
  listOrNone(key: string): string[] {
    if (this.#absent(key)) return [];
    const value = this.#fields[key];
    if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
      throw this.#wrong(key, "a list of texts");
    return value;
  }

  /** Metadata. Services store texts only; anything else is shown as JSON rather than lost. */
  texts(key: string, share: (text: string) => string = (text) => text): Record<string, string> {
    const value = this.#fields[key];
    if (!isObject(value)) throw this.#wrong(key, "an object");
    // Not by assignment: a key may be called __proto__.
    return Object.fromEntries(
      Object.entries(value).map(([name, v]) => [name, typeof v === "string" ? share(v) : JSON.stringify(v)]),
    );
  }

  #absent(key: string): boolean {
    return this.#fields[key] === undefined || this.#fields[key] === null;
  }

  #wrong(key: string, wanted: string): MalformedAnswer {
    return new MalformedAnswer(`${this.#what}.${key} is not ${wanted}`);
  }
}

/** Longer texts are hardly ever the same. */
const longestShared = 64;

/** Rows of a listing repeat each other's texts, and each answer brings its own copies: this keeps one of each. */
export function sharer(): <T extends string | null>(text: T) => T {
  const known = new Map<string, string>();
  return (text) => {
    if (text === null || text.length > longestShared) return text;
    const same = known.get(text);
    if (same === undefined) known.set(text, text);
    return (same ?? text) as typeof text;
  };
}
