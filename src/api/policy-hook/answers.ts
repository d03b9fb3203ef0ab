/**
 * Everything the hook ever says. oslo.policy reads the body alone and takes exactly `True` for yes, with whatever status: so no text but
 * {@link yes} may be that, and nothing of a request is ever repeated in an answer.
 */
export interface Answer {
  readonly status: 200 | 400 | 401 | 404 | 405 | 408 | 411 | 413 | 500;
  readonly text: "True" | "False";
}

export const yes: Answer = { status: 200, text: "True" };
export const no: Answer = { status: 401, text: "False" };

/** Denials before there is anything to decide, by what was wrong. */
export const refusals = {
  unreadable: { status: 400, text: "False" },
  incomplete: { status: 400, text: "False" },
  unknown_path: { status: 404, text: "False" },
  unknown_method: { status: 405, text: "False" },
  too_slow: { status: 408, text: "False" },
  no_length: { status: 411, text: "False" },
  too_long: { status: 413, text: "False" },
  error: { status: 500, text: "False" },
} as const satisfies Record<string, Answer>;

export type Refusal = keyof typeof refusals;
