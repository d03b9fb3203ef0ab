import { scheduleJob } from "node-schedule";

/** What a cycle is woken for. */
export type Wake = "create" | "rotate";

/** Calls back at its times until the returned function is called. The callback only notes the wish; what is due comes from our own clock. */
export type WakeSource = (onWake: (wake: Wake) => void) => () => void;

/** Wakes by cron expressions. They are checked by the configuration; node-schedule answers null to a bad one. */
export function cronWakes(schedule: { create: string; rotate: string; timeZone: string }): WakeSource {
  return (onWake) => {
    const jobs = (["create", "rotate"] as const).map((wake) => {
      const job = scheduleJob({ rule: schedule[wake], tz: schedule.timeZone }, () => onWake(wake));
      // The typings leave out that a bad expression gives null.
      if ((job as typeof job | null) === null) throw new RangeError(`not a cron expression: ${schedule[wake]}`);
      return job;
    });
    return () => {
      for (const job of jobs) job.cancel();
    };
  };
}
