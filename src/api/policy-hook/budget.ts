/** Resolves as `work` does, or with `late` when that takes more than `ms` milliseconds, whatever it still comes to. */
export function within<T>(ms: number, work: Promise<T>, late: T): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms, late);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
