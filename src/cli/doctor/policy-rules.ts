/**
 * What a rule of oslo.policy lets through, as far as that can be told from its text: whether the hook is asked before anyone is let through, and
 * whether something beside the hook is. The language is oslo.policy's: checks joined by `and`, `or`, `not` and parentheses; `rule:x` is another rule.
 */
export interface RuleJudgement {
  /**
   * `guarded`: nobody passes without the hook. `open`: somebody does. `bare`: the hook alone decides, so that it lets any project delete what is
   * another's. `unreadable`: not to be told.
   */
  readonly verdict: "guarded" | "open" | "bare" | "unreadable";
  /** The hook's addresses in it. */
  readonly urls: readonly string[];
}

type Expression =
  | { readonly kind: "check"; readonly text: string }
  | { readonly kind: "constant"; readonly value: boolean }
  | { readonly kind: "not"; readonly of: Expression }
  | { readonly kind: "and" | "or"; readonly of: readonly Expression[] };

class UnreadableRule extends Error {}

const isHook = (check: string): boolean => /^https?:\/\//.test(check);

/** More different checks than this would take too long to go through. */
const mostChecks = 14;

/** @param rules by name, as policy files have them; a name that is not there is taken for a check like any other */
export function judgeRule(name: string, rules: ReadonlyMap<string, string>): RuleJudgement {
  const text = rules.get(name);
  if (text === undefined) return { verdict: "open", urls: [] };
  try {
    const expression = expand(parse(text), rules, [name]);
    const checks = [...new Set(checksIn(expression))];
    const urls = checks.filter(isHook);
    const others = checks.filter((check) => !isHook(check));
    if (others.length > mostChecks) throw new UnreadableRule("too many checks");
    const passes = (hook: boolean): boolean => assignments(others).some((given) => holds(expression, hook, given));
    const bare = holds(expression, true, new Set());
    return { verdict: passes(false) ? "open" : bare ? "bare" : "guarded", urls };
  } catch (error) {
    if (!(error instanceof UnreadableRule)) throw error;
    return { verdict: "unreadable", urls: [] };
  }
}

/** Words, and parentheses at their ends: those inside a word, as in `%(id)s`, belong to it. */
function tokensOf(text: string): string[] {
  return text
    .split(/\s+/)
    .filter((word) => word !== "")
    .flatMap((word) => {
      const inner = word.replace(/^\(+/, "").replace(/\)+$/, "");
      const opened = word.length - word.replace(/^\(+/, "").length;
      const closed = word.length - opened - inner.length;
      return [...Array<string>(opened).fill("("), ...(inner === "" ? [] : [inner]), ...Array<string>(closed).fill(")")];
    });
}

function parse(text: string): Expression {
  const tokens = tokensOf(text);
  // An empty rule lets everybody through.
  if (tokens.length === 0) return { kind: "constant", value: true };
  let at = 0;
  const word = (): string => (tokens[at] ?? "").toLowerCase();
  const joined = (kind: "and" | "or", part: () => Expression): Expression => {
    const first = part();
    const more: Expression[] = [];
    while (word() === kind) {
      at += 1;
      more.push(part());
    }
    return more.length === 0 ? first : { kind, of: [first, ...more] };
  };
  const either = (): Expression => joined("or", both);
  const both = (): Expression => joined("and", one);
  const one = (): Expression => {
    const token = tokens[at];
    at += 1;
    if (token === undefined || token === ")") throw new UnreadableRule("a check is missing");
    if (token === "(") {
      const inner = either();
      if (tokens[at] !== ")") throw new UnreadableRule("a parenthesis is missing");
      at += 1;
      return inner;
    }
    if (token.toLowerCase() === "not") return { kind: "not", of: one() };
    if (token === "@" || token === "!") return { kind: "constant", value: token === "@" };
    return { kind: "check", text: token };
  };
  const all = either();
  if (at < tokens.length) throw new UnreadableRule("more than one rule");
  return all;
}

function expand(expression: Expression, rules: ReadonlyMap<string, string>, within: readonly string[]): Expression {
  switch (expression.kind) {
    case "constant":
      return expression;
    case "not":
      return { kind: "not", of: expand(expression.of, rules, within) };
    case "and":
    case "or":
      return { kind: expression.kind, of: expression.of.map((each) => expand(each, rules, within)) };
    case "check": {
      const name = expression.text.startsWith("rule:") ? expression.text.slice("rule:".length) : null;
      const text = name === null ? undefined : rules.get(name);
      if (name === null || text === undefined) return expression;
      if (within.includes(name)) throw new UnreadableRule("a rule names itself");
      return expand(parse(text), rules, [...within, name]);
    }
  }
}

function checksIn(expression: Expression): string[] {
  switch (expression.kind) {
    case "constant":
      return [];
    case "check":
      return [expression.text];
    case "not":
      return checksIn(expression.of);
    case "and":
    case "or":
      return expression.of.flatMap(checksIn);
  }
}

/** Every way in which some of the checks hold and the others do not. */
const assignments = (checks: readonly string[]): ReadonlySet<string>[] =>
  checks.reduce<ReadonlySet<string>[]>(
    (sets, check) => [...sets, ...sets.map((set) => new Set([...set, check]))],
    [new Set()],
  );

function holds(expression: Expression, hook: boolean, given: ReadonlySet<string>): boolean {
  switch (expression.kind) {
    case "constant":
      return expression.value;
    case "check":
      return isHook(expression.text) ? hook : given.has(expression.text);
    case "not":
      return !holds(expression.of, hook, given);
    case "and":
      return expression.of.every((each) => holds(each, hook, given));
    case "or":
      return expression.of.some((each) => holds(each, hook, given));
  }
}
