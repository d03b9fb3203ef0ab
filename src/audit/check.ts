import { AuditError } from "./errors.ts";

/** A JSON value under inspection, with the place it came from for the message when it is not what it should be. */
export class Checked {
  readonly #value: unknown;
  readonly #place: string;
  constructor(value: unknown, place: string) {
    this.#value = value;
    this.#place = place;
  }

  /** @throws AuditError of kind `malformed` */
  fail(wanted: string): never {
    throw new AuditError("malformed", `${this.#place}: expected ${wanted}`);
  }

  at(key: string): Checked {
    const value = this.object()[key];
    return new Checked(value, `${this.#place}.${key}`);
  }

  get isAbsent(): boolean {
    return this.#value === undefined || this.#value === null;
  }

  object(): Readonly<Record<string, unknown>> {
    if (typeof this.#value !== "object" || this.#value === null || Array.isArray(this.#value)) this.fail("an object");
    return this.#value as Record<string, unknown>;
  }

  list(): Checked[] {
    if (!Array.isArray(this.#value)) this.fail("a list");
    return this.#value.map((item: unknown, i) => new Checked(item, `${this.#place}[${i}]`));
  }

  string(): string {
    return typeof this.#value === "string" ? this.#value : this.fail("a string");
  }

  stringOrNull(): string | null {
    return this.isAbsent ? null : this.string();
  }

  boolean(): boolean {
    return typeof this.#value === "boolean" ? this.#value : this.fail("true or false");
  }

  size(): number {
    return typeof this.#value === "number" && Number.isFinite(this.#value) && this.#value >= 0
      ? this.#value
      : this.fail("a number of at least 0");
  }

  oneOf<T extends string>(...allowed: readonly T[]): T {
    return allowed.find((each) => each === this.#value) ?? this.fail(`one of ${allowed.join(", ")}`);
  }

  stringMap(): Readonly<Record<string, string>> {
    const entries = Object.keys(this.object()).map((key) => [key, this.at(key).string()] as const);
    return Object.fromEntries(entries);
  }

  /** An instant, normalised to ISO 8601 UTC. OpenStack leaves the zone out, which Date would read as local time. */
  instant(): string {
    const text = this.string();
    const at = new Date(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
    return Number.isNaN(at.getTime()) ? this.fail("a date and time") : at.toISOString();
  }

  instantOrNull(): string | null {
    return this.isAbsent ? null : this.instant();
  }
}
