import type { Backup } from "../../../src/domain/inventory.ts";
import { operatorText } from "../../../src/domain/reasons.ts";
import type { RotationPlan } from "../../../src/domain/retention.ts";
import { dayMs, hourMs, project, Rhythm } from "./rhythm.ts";

/** The worked examples of docs/rotation.md, made by the code they explain. */

const daily5 = { periodMs: dayMs, retentionMs: 5 * dayMs };
const night = (slot: number): number => slot + 1;
const nightOf = (backup: Backup): number => night(Number(backup.id.slice(-5)));
const label = (backup: Backup): string => `${backup.isIncremental ? "i" : "F"}${nightOf(backup)}`;

const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

/** One volume: what stands after each night, what was removed, and why the rest is kept. */
function oneVolume(): string {
  const rows: string[][] = [];
  const rhythm = new Rhythm({ ...daily5, volumes: 1, fullEvery: 3, slots: 13 });
  rhythm.play((plan, slot) => {
    const kept = Map.groupBy(
      plan.decisions.filter(({ action }) => action === "keep"),
      ({ reason }) => reason,
    );
    const removed = plan.chains.flatMap(({ deletions }) => deletions.map(({ backup }) => label(backup)));
    rows.push([
      String(night(slot)),
      removed.join(", ") || "–",
      [...kept]
        .map(([reason, all]) => `${all.map(({ point }) => label(point.backup)).join(" ")}: ${operatorText(reason)}`)
        .join("; "),
    ]);
  });
  return table(["night", "removed, in this order", "kept, and why"], rows);
}

const countOf = (plan: RotationPlan): number => plan.chains.reduce((sum, { deletions }) => sum + deletions.length, 0);

const figures = (slot: number, plan: RotationPlan): (string | number)[] => {
  const waiting = plan.decisions.filter(({ reason }) => reason === "keep_pace" || reason === "brake").length;
  const result = plan.blocked === "brake" ? "none: **brake**" : countOf(plan);
  return [night(slot), plan.decisions.length, countOf(plan) + waiting, plan.overdue, plan.allowance, result, waiting];
};
const figuresHead = ["night", "points", "dead", "overdue", "allowed", "removed", "dead and waiting"];

/** A hundred volumes that made their first fulls on one night. */
function fleet(): string {
  const rows: (string | number)[][] = [];
  const rhythm = new Rhythm({ ...daily5, volumes: 100, fullEvery: 7, slots: 20 });
  rhythm.play((plan, slot) => {
    if (slot >= 10) rows.push(figures(slot, plan));
  });
  return table(figuresHead, rows);
}

/** The same after a month of downtime, and what an override does. */
function month(): string {
  const rows: (string | number)[][] = [];
  const rhythm = new Rhythm({
    ...daily5,
    volumes: 100,
    fullEvery: 7,
    slots: 43,
    isDown: (slot) => slot >= 10 && slot < 40,
  });
  rhythm.play((plan, slot) => {
    if (slot < 8) return;
    rows.push(figures(slot, plan));
    if (slot !== 42) return;
    const override = { projectId: project, count: plan.overdue, expiresAt: new Date(rhythm.nowMs + hourMs) };
    const permitted = rhythm.plan({ override });
    rows.push([`${night(slot)}, with an override of ${override.count}`, ...figures(slot, permitted).slice(1)]);
  });
  return table(figuresHead, rows);
}

export const examples: Readonly<Record<string, () => string>> = { "one-volume": oneVolume, fleet, month };

/** The page with its examples made anew. */
export function withExamples(page: string): string {
  return page.replace(
    /(<!-- example: (\S+) -->\n)[^]*?(<!-- end -->)/g,
    (whole, begin: string, name: string, end: string) => {
      const example = examples[name];
      return example === undefined ? whole : `${begin}\n${example()}\n\n${end}`;
    },
  );
}
