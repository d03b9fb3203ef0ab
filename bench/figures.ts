import { table } from "../src/cli/output.ts";

/** One measured figure, what it is held against, and both side by side. */
export interface Figure {
  readonly what: string;
  readonly unit: "calls" | "s" | "ms" | "MiB" | "jobs/s" | "calls/s";
  readonly figure: number;
  /** `goal`: must not be more. `ceiling`: what is possible at best. `null`: for information. */
  readonly beside: { readonly kind: "goal" | "ceiling"; readonly value: number } | null;
}

export const ratioOf = ({ figure, beside }: Figure): number | null => (beside === null ? null : figure / beside.value);

/** The figures that are over their goal. */
export const missed = (figures: readonly Figure[]): Figure[] =>
  figures.filter(({ beside, figure }) => beside?.kind === "goal" && figure > beside.value);

const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** A table for people. */
export const describe = (figures: readonly Figure[]): string =>
  table(figures, [
    { title: "WHAT", value: ({ what }) => what },
    { title: "FIGURE", value: ({ figure, unit }) => `${number(figure)} ${unit}`, align: "right" },
    {
      title: "BESIDE",
      value: ({ beside, unit }) => (beside === null ? "" : `${beside.kind} ${number(beside.value)} ${unit}`),
      align: "right",
    },
    { title: "RATIO", value: (each) => ratioOf(each)?.toFixed(2) ?? "", align: "right" },
    { title: "", value: (each) => (missed([each]).length > 0 ? "missed" : "") },
  ]);
