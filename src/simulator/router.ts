export type Params = Readonly<Record<string, string>>;

interface Node<H> {
  readonly fixed: Map<string, Node<H>>;
  wild: { readonly name: string; readonly node: Node<H> } | undefined;
  readonly handlers: Map<string, { readonly route: string; readonly handler: H }>;
}

export interface Match<H> {
  readonly handler: H;
  /** The pattern, for the request log. */
  readonly route: string;
  readonly params: Params;
}

const newNode = <H>(): Node<H> => ({ fixed: new Map(), wild: undefined, handlers: new Map() });

/** Finds the handler of a path; fixed names win over placeholders, as in `backups/detail` beside `backups/{id}`. */
export class Router<H> {
  readonly #root = newNode<H>();

  add(method: string, route: string, handler: H): void {
    let node = this.#root;
    for (const part of route.split("/")) {
      if (part.startsWith("{")) {
        node.wild ??= { name: part.slice(1, -1), node: newNode<H>() };
        node = node.wild.node;
      } else {
        let next = node.fixed.get(part);
        if (next === undefined) node.fixed.set(part, (next = newNode<H>()));
        node = next;
      }
    }
    node.handlers.set(method, { route, handler });
  }

  /** undefined: no such path; the method is the caller's to look at. */
  find(method: string, segments: readonly string[]): Match<H> | undefined {
    const params: Record<string, string> = {};
    const node = this.#walk(this.#root, segments, 0, params);
    const found = node?.handlers.get(method);
    return found === undefined ? undefined : { ...found, params };
  }

  #walk(node: Node<H>, segments: readonly string[], at: number, params: Record<string, string>): Node<H> | undefined {
    const part = segments[at];
    if (part === undefined) return node.handlers.size > 0 ? node : undefined;
    const fixed = node.fixed.get(part);
    const viaFixed = fixed && this.#walk(fixed, segments, at + 1, params);
    if (viaFixed !== undefined) return viaFixed;
    if (node.wild === undefined) return undefined;
    params[node.wild.name] = decodeURIComponent(part);
    return this.#walk(node.wild.node, segments, at + 1, params);
  }
}
