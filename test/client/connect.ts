import type { Clock } from "../../src/domain/clock.ts";
import type { CloudParameters } from "../../src/domain/connection.ts";
import { directIo, type Io, type IoStep } from "../../src/domain/io.ts";
import { silentLogger, type Logger } from "../../src/domain/log.ts";
import { openClouds, type Clouds, type CloudOptions } from "../../src/openstack/open.ts";
import type { FakeCloud } from "./fake-cloud.ts";

export const password = 'pa$$ "word"';

/** A clock that stands still but for the sleeps. */
export class TestClock implements Clock {
  readonly slept: number[] = [];
  ms = 0;
  now(): Date {
    return new Date(Date.parse("2026-11-21T00:00:00Z") + this.ms);
  }
  monotonicMs(): number {
    return this.ms;
  }
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.slept.push(ms);
    this.ms += ms;
  }
}

export interface Connected extends Clouds {
  readonly clock: TestClock;
  /** `POST block-storage/backups`, with `!` once it was sent. */
  readonly steps: string[];
  readonly logged: { fields: object; message: string }[];
}

export const passwordParameters = (cloud: { url: string }, more: Partial<CloudParameters> = {}): CloudParameters => ({
  authUrl: cloud.url,
  auth: { kind: "password", user: { name: "writer", domain: { name: "Default" } }, password, project: { id: "own" } },
  interface: "public",
  verify: true,
  timeoutMs: 5_000,
  ...more,
});

/** Both roles on a fake cloud, with one password credential unless told otherwise. */
export async function connect(
  cloud: FakeCloud,
  { io = directIo, ...options }: Partial<CloudOptions> & { io?: Io } = {},
): Promise<Connected> {
  const parameters = passwordParameters(cloud);
  const clock = new TestClock();
  const steps: string[] = [];
  const logged: { fields: object; message: string }[] = [];
  const note = (fields: object, message: string): void => void logged.push({ fields, message });
  const log: Logger = { ...silentLogger, debug: note, info: note, warn: note, error: note };
  const watched: Io = {
    run: <T>(step: IoStep, work: (sent: () => void) => Promise<T>) => {
      steps.push(step.name);
      return io.run(step, (sent) =>
        work(() => {
          steps.push(`${step.name}!`);
          sent();
        }),
      );
    },
  };
  const clouds = await openClouds(
    { reader: parameters, writer: parameters, ...options },
    { clock, io: watched, random: () => 0.5, log },
  );
  return { ...clouds, clock, steps, logged };
}

/** A signal that never fires. */
export const never = new AbortController().signal;

/** The error that a promise rejects with; fails when it does not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it was expected to fail");
}
