/** When the clock and the scan may be believed enough to delete something (rule 1: on doubt nothing is deleted). */

const driftLimitMs = 2 * 60_000;
const serviceLimitMs = 5 * 60_000;

/** One look at both clocks of {@link import("./clock.ts").Clock}. */
export interface ClockReading {
  readonly wall: Date;
  readonly monotonicMs: number;
}

export interface ClockEvidence extends ClockReading {
  /** The reading of the pass before; `null` in a process's first. */
  readonly previous: ClockReading | null;
  /** Creation time of the newest row in the database or in Cinder; `null` when there is none. */
  readonly newestRow: Date | null;
  /** The `Date` header of a fresh answer of Cinder; `null` when it sent none, which leaves the clock unproven. */
  readonly serviceDate: Date | null;
}

export interface Trust {
  readonly trusted: boolean;
  /** What is wrong, for operators; `null` when trusted. */
  readonly message: string | null;
}

/** Whether the wall clock may decide what has expired. Backing up goes on without it; deleting does not. */
export function clockTrusted(evidence: ClockEvidence): Trust {
  const { previous, wall, monotonicMs, newestRow, serviceDate } = evidence;
  const doubt = (message: string): Trust => ({ trusted: false, message });
  if (Number.isNaN(wall.getTime())) return doubt("the clock shows no valid time");
  if (previous !== null) {
    const jumpMs = wall.getTime() - previous.wall.getTime() - (monotonicMs - previous.monotonicMs);
    // Written so that a reading which is not a number is doubted, too.
    if (!(Math.abs(jumpMs) <= driftLimitMs)) return doubt(`the clock jumped by ${seconds(jumpMs)} s`);
  }
  if (newestRow !== null && !(wall.getTime() >= newestRow.getTime())) {
    return doubt(`the clock is ${seconds(newestRow.getTime() - wall.getTime())} s before the newest row`);
  }
  if (serviceDate === null) return doubt("Cinder's answers carry no Date to compare the clock with");
  const offMs = wall.getTime() - serviceDate.getTime();
  if (!(Math.abs(offMs) <= serviceLimitMs)) return doubt(`the clock is ${seconds(offMs)} s off Cinder's`);
  return { trusted: true, message: null };
}

const seconds = (ms: number): string => String(Math.round(ms / 1000));

/** What a scan counted over the whole cloud. */
export interface ScanSize {
  readonly servers: number;
  readonly volumes: number;
}

/**
 * True when servers or volumes fell by more than 20% since the last good scan. That is what the loss of the reader's rights looks like:
 * the services answer 200 with less.
 */
export function scanShrank(scan: ScanSize & { readonly lastGood: ScanSize | null }): boolean {
  const { lastGood } = scan;
  if (lastGood === null) return false;
  // In whole numbers: 0.8 is not one.
  const fell = (now: number, before: number): boolean => now * 5 < before * 4;
  return fell(scan.servers, lastGood.servers) || fell(scan.volumes, lastGood.volumes);
}
