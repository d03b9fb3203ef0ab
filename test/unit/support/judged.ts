import { it } from "node:test";
import fc from "fast-check";

/** A property that did not hold. */
class Broken extends Error {
  readonly property: string;

  constructor(property: string, cause: unknown) {
    super(`${property}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.property = property;
  }
}

/** `npm test` looks at the same cases each time, so that what it says is about the change; the soak asks for more, and each time for others. */
const usual = { numRuns: 5000, seed: 20261121 };

/**
 * Many properties of the same cases, which are made once: a case costs more than a look at it. Each property is a test; all of them look at every case. The first
 * of them that is broken is shrunk, and ends the run for all.
 * @param variable of the environment, for another number of cases
 * @returns declares a property; all must be declared before the first test runs
 */
export function judgeTogether<T>(
  cases: fc.Arbitrary<T>,
  variable: string,
): (property: string, check: (given: T) => void) => void {
  const checks = new Map<string, (given: T) => void>();
  const asked = process.env[variable];
  let details: fc.RunDetails<[T]> | null = null;
  const run = (): fc.RunDetails<[T]> =>
    fc.check(
      fc.property(cases, (given) => {
        for (const [property, check] of checks) {
          try {
            check(given);
          } catch (error) {
            throw new Broken(property, error);
          }
        }
      }),
      asked === undefined ? usual : { numRuns: Number(asked) },
    );
  return (property, check) => {
    checks.set(property, check);
    it(property, (test) => {
      details ??= run();
      const { failed, errorInstance, seed, numRuns: done } = details;
      test.diagnostic(`${done} cases, seed ${seed}`);
      if (!failed) return;
      const broken = errorInstance instanceof Broken ? errorInstance.property : null;
      if (broken !== property) throw new Error(`not looked at to the end: "${broken ?? ""}" is broken`);
      throw new Error(fc.defaultReportMessage(details), { cause: errorInstance });
    });
  };
}
