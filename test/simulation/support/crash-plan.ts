import type { Io, IoStep } from "../../../src/domain/io.ts";

/** Where in a step the process may die: before anything left it, once the request is out, or when the answer is in. */
export type Phase = "before" | "sent" | "after";

/** One moment of a night at which a process can be killed. */
export interface CrashPoint {
  /** Counted from 1, over all steps and phases of the process. */
  readonly number: number;
  /** Kind of step and phase, e.g. `http POST block-storage/backups sent`. */
  readonly kind: string;
}

/** An {@link Io} that tells of every point it passes. */
export function watchedIo(onPoint: (point: CrashPoint) => void): Io {
  let number = 0;
  const pass = (step: IoStep, phase: Phase): void => {
    number += 1;
    onPoint({ number, kind: `${step.kind} ${step.name} ${phase}` });
  };
  return {
    async run(step, work) {
      pass(step, "before");
      const result = await work(() => pass(step, "sent"));
      pass(step, "after");
      return result;
    },
  };
}
