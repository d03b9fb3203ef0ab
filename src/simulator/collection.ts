export interface Item {
  readonly id: string;
  readonly createdAtMs: number;
}

/** Older first; the id decides within one moment, as in Cinder's and Nova's ORDER BY. */
export const byAge = (a: Item, b: Item) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** How many of the rows, which must be in the order of their age, are older than the item. */
export function placeOf(item: Item, rows: readonly Item[]): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const there = rows[middle];
    if (there !== undefined && byAge(there, item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

const nearTheEnd = 1000;

/** Objects by id, and in the order of their creation so that a page costs its own length and not that of the list. */
export class Collection<T extends Item> {
  readonly #byId = new Map<string, T>();
  readonly #rows: T[] = [];
  #sorted = true;

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): T | undefined {
    return this.#byId.get(id);
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  /** Oldest first. */
  values(): readonly T[] {
    return this.#ordered();
  }

  find(test: (item: T) => boolean): T | undefined {
    return this.#ordered().find(test);
  }

  filter(test: (item: T) => boolean): T[] {
    return this.#ordered().filter(test);
  }

  add(item: T): T {
    if (this.#byId.has(item.id)) throw new Error(`${item.id} is there already`);
    this.#byId.set(item.id, item);
    const last = this.#rows.at(-1);
    if (!this.#sorted || last === undefined || byAge(last, item) < 0) {
      this.#rows.push(item);
      return item;
    }
    const index = this.indexOf(item);
    if (this.#rows.length - index <= nearTheEnd) this.#rows.splice(index, 0, item);
    else {
      // Far back in time, as when a past is seeded: sorting once is cheaper than moving the rows for each.
      this.#rows.push(item);
      this.#sorted = false;
    }
    return item;
  }

  delete(id: string): boolean {
    const item = this.#byId.get(id);
    if (item === undefined) return false;
    this.#ordered().splice(this.indexOf(item), 1);
    this.#byId.delete(id);
    return true;
  }

  /** Where the item stands, or would stand, among the ordered ones. */
  indexOf(item: Item): number {
    return placeOf(item, this.#ordered());
  }

  #ordered(): T[] {
    if (!this.#sorted) {
      this.#rows.sort(byAge);
      this.#sorted = true;
    }
    return this.#rows;
  }
}
