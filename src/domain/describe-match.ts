import type { Match, TextTest } from "./match.ts";

/** A match in words, for whoever reads why something is protected or not. */
export function describeMatch(match: Match): string {
  switch (match.kind) {
    case "all":
      return match.of.length === 0 ? "everything" : match.of.map(inner).join(" and ");
    case "any":
      return match.of.map(inner).join(" or ");
    case "not":
      return `not ${inner(match.of)}`;
    case "text":
      return `${match.field} ${describeTest(match.test)}`;
    case "metadata":
      return `${match.of}.metadata.${match.key} ${describeTest(match.test)}`;
    case "flag":
      return match.is ? match.field : `not ${match.field}`;
    case "size": {
      const { minimum, maximum } = match;
      if (minimum === null) return `at most ${maximum ?? 0} GiB`;
      return maximum === null ? `at least ${minimum} GiB` : `${minimum} to ${maximum} GiB`;
    }
  }
}

const inner = (match: Match): string => {
  const text = describeMatch(match);
  return (match.kind === "all" || match.kind === "any") && match.of.length > 1 ? `(${text})` : text;
};

const verbs = { equals: "is", prefix: "begins with", contains: "contains", glob: "is like" } as const;

const describeTest = ({ by, anyOf }: TextTest): string =>
  `${verbs[by]} ${anyOf.map((text) => (/^[\w.*?-]+$/.test(text) ? text : JSON.stringify(text))).join(" or ")}`;
