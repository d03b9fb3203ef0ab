interface Task {
  readonly dueMs: number;
  readonly order: number;
  readonly run: (atMs: number) => void;
}

/** Work that ends at a moment of the caller's clock: a heap, looked at on each request, since nothing here has a timer. */
export class TaskQueue {
  readonly #heap: Task[] = [];
  #count = 0;

  get nextDueMs(): number | undefined {
    return this.#heap[0]?.dueMs;
  }

  schedule(dueMs: number, run: (atMs: number) => void): void {
    const heap = this.#heap;
    let at = heap.push({ dueMs, order: this.#count++, run }) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!this.#before(at, up)) break;
      this.#swap(at, up);
      at = up;
    }
  }

  /** Runs what is due, oldest first; a task may schedule the next step of its own. */
  runDue(nowMs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.dueMs <= nowMs; first = this.#heap[0]) {
      this.#dropFirst();
      first.run(first.dueMs);
    }
  }

  #dropFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heap.length && this.#before(child, least)) least = child;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #before(a: number, b: number): boolean {
    const x = this.#heap[a];
    const y = this.#heap[b];
    if (x === undefined || y === undefined) return false;
    return x.dueMs < y.dueMs || (x.dueMs === y.dueMs && x.order < y.order);
  }

  #swap(a: number, b: number): void {
    const x = this.#heap[a];
    const y = this.#heap[b];
    if (x === undefined || y === undefined) return;
    this.#heap[a] = y;
    this.#heap[b] = x;
  }
}
