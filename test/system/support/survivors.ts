import assert from "node:assert/strict";
import type { BackupRow } from "./judge.ts";

/**
 * Compares what is left of one volume after a cycle with what must be. `points` are all restore points it ever had, `left` the ids
 * that Cinder still lists, `begun` and `ended` (ms since 1970) the cycle's: what expired between them may have been seen on either side.
 */
export function assertSurvivors(
  points: readonly BackupRow[],
  left: ReadonlySet<string>,
  { begun, ended, retentionMs }: { readonly begun: number; readonly ended: number; readonly retentionMs: number },
): void {
  const volume = points[0]?.volume_id ?? "";
  const survived = points.filter((point) => left.has(point.id)).map((point) => point.id);
  const kept = (at: number): string[] => survivors(points, { at, retentionMs }).map((point) => point.id);
  assert.deepEqual(
    kept(ended).filter((id) => !survived.includes(id)),
    [],
    `lost of ${volume}`,
  );
  assert.deepEqual(
    survived.filter((id) => !kept(begun).includes(id)),
    [],
    `too long kept of ${volume}`,
  );
}

/** The points of one volume as chains, oldest first. */
export function chainsOf(points: readonly BackupRow[]): BackupRow[][] {
  const chains: BackupRow[][] = [];
  for (const point of [...points].sort((a, b) => a.created_at.localeCompare(b.created_at))) {
    if (point.is_incremental) chains.at(-1)!.push(point);
    else chains.push([point]);
  }
  return chains;
}

/** What is left of one volume at a time, by the words of the design: a chain goes whole when nothing of it is wanted; the newest always stays. */
function survivors(
  points: readonly BackupRow[],
  { at, retentionMs }: { readonly at: number; readonly retentionMs: number },
): BackupRow[] {
  const wanted = (point: BackupRow): boolean => Date.parse(`${point.created_at}Z`) + retentionMs > at;
  return chainsOf(points)
    .filter((chain, index, { length }) => index === length - 1 || chain.some(wanted))
    .flat();
}
