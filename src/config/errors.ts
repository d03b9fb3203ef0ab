/** Something in the configuration or the credentials that the operator must mend. Ends the program with exit code 10. */
export class ConfigError extends Error {
  /** One sentence or short block for each thing that is wrong. Never holds a secret. */
  readonly problems: readonly string[];
  override get name(): string {
    return "ConfigError";
  }
  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join("\n"), options);
    this.problems = problems;
  }
}
