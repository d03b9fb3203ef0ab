import { isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Document, type Node } from "yaml";

/** A place in a file, for people: `file:line:column`. */
export type Place = string;

/** A value of a YAML file: a map or a list with the places of what is in it, or anything else as plain data. */
export type YamlNode =
  | { readonly kind: "map"; readonly entries: readonly YamlEntry[] }
  | { readonly kind: "list"; readonly items: readonly YamlItem[] }
  | {
      readonly kind: "value";
      readonly value: unknown;
      /** As it is in the file, without quotes: of `0012` the value is 12. */
      readonly written?: string;
    };

export interface YamlItem {
  readonly place: Place;
  readonly node: YamlNode;
}

export interface YamlEntry {
  readonly key: string;
  readonly place: Place;
  readonly node: YamlNode;
}

/** The plain data of a node and of all that is in it. */
export function plain(node: YamlNode): unknown {
  switch (node.kind) {
    case "map":
      return Object.fromEntries(node.entries.map((each) => [each.key, plain(each.node)]));
    case "list":
      return node.items.map((each) => plain(each.node));
    case "value":
      return node.value;
  }
}

/**
 * Reads a YAML file (or JSON, which is YAML) that must hold one map, or nothing.
 * @returns the map's entries, or what is wrong, each with its place and none with a value
 */
export function readYaml(path: string, text: string): { entries: readonly YamlEntry[]; problems: readonly string[] } {
  const { root, problems } = readYamlRoot(path, text);
  if (root.kind === "map") return { entries: root.entries, problems };
  if (root.kind === "value" && root.value === null) return { entries: [], problems };
  return { entries: [], problems: [`${path}:1:1: must be a map of keys and values`] };
}

/**
 * Reads a YAML file (or JSON) that may hold anything.
 * @returns its contents, `null` where there are none; or what is wrong, each with its place and none with a value
 */
export function readYamlRoot(path: string, text: string): { root: YamlNode; problems: readonly string[] } {
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  // prettyErrors would quote the line, and the line may hold a password.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems = [...document.errors, ...document.warnings].map(
    (error) =>
      `${placeAt(error.pos[0])}: not valid ${path.endsWith(".json") ? "JSON" : "YAML"}: ${withoutText(error.message)}`,
  );
  visit(document, {
    Alias: (_, alias) => {
      problems.push(`${placeAt(alias.range?.[0] ?? 0)}: aliases are not supported; write the value out`);
    },
  });
  if (problems.length > 0) return { root: { kind: "value", value: null }, problems };
  return { root: toNode(document.contents, document, placeAt), problems };
}

/** Some of the parser's messages end with the text they are about. */
export const withoutText = (message: string): string => message.replace(/:.*$/s, "");

function toNode(node: Node | null, document: Document, placeAt: (offset: number) => Place): YamlNode {
  if (isSeq(node)) {
    const items = node.items.map((item) => ({
      place: placeAt((item as Node | null)?.range?.[0] ?? 0),
      node: toNode(item as Node | null, document, placeAt),
    }));
    return { kind: "list", items };
  }
  if (isScalar(node) && node.source !== undefined) {
    return { kind: "value", value: node.toJS(document) as unknown, written: node.source };
  }
  if (!isMap(node)) return { kind: "value", value: node === null ? null : (node.toJS(document) as unknown) };
  const entries = node.items.map((pair): YamlEntry => {
    const key = pair.key as Node | null;
    const value = pair.value as Node | null;
    return {
      key: isScalar(key) ? String(key.value) : "?",
      place: placeAt(key?.range?.[0] ?? 0),
      node: toNode(value, document, placeAt),
    };
  });
  return { kind: "map", entries };
}
