import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Option } from "commander";
import type { Conductor, ConductorSettings } from "../../conductor/context.ts";
import type { CycleResult } from "../../conductor/cycle.ts";
import { runDaemon } from "../../conductor/daemon.ts";
import { runOnce } from "../../conductor/once.ts";
import type { Wake } from "../../conductor/wake.ts";
import type { Job } from "../../domain/catalogue.ts";
import type { Clock } from "../../domain/clock.ts";
import type { CloudParameters } from "../../domain/connection.ts";
import { markTime } from "../../domain/marks.ts";
import type { Command, Context } from "../command.ts";
import { fastClock } from "../demo/clock.ts";
import type { DemoCloud } from "../demo/cloud.ts";
import { cycleValue, describeProject } from "../describe-cycle.ts";
import { exit, exitOfOutcome, type ExitCode } from "../exit-codes.ts";
import { defaultPolicy } from "../../domain/policy.ts";

interface Options {
  readonly once?: true;
}

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;
const start = new Date("2026-01-05T01:00:00Z");
/** A night of an hour takes some seconds, a day ten. */
const speed = dayMs / 10_000;

/** The production defaults, but for shorter memories: retention shows within a few nights. */
const settings: ConductorSettings = {
  userIds: [],
  timeZone: "UTC",
  policy: {
    ...defaultPolicy,
    retentionMs: 4 * dayMs,
    fullEvery: 3,
  },
  selection: {
    tagKey: "backup",
    tagValues: ["yes", "true"],
    skipKey: "skip-volume-backup",
    retentionKey: "backup_retention",
    policyKey: "backup_policy",
    overrideDelayMs: 7 * dayMs,
    volumesPerProject: null,
  },
  release: { key: "release-snapshots", delayMs: 7 * dayMs },
  nameTemplate: "{VOLUME_NAME}-{BACKUP_DATE}",
  container: null,
  fromSnapshotTypes: [],
  limits: { global: 12, perProject: 4, perPool: 12, perBackupService: 12 },
  settleMs: 5 * 60 * 1000,
  pollMs: 30_000,
  keepHistoryMs: 365 * 24 * 60 * 60 * 1000,
  leaseTtlMs: hourMs,
  leaseOwner: "demo",
  deadline: { baseMs: hourMs, bytesPerSecond: 20 * 2 ** 20 },
  rotationEnabled: true,
  publishAssignment: false,
  brakeOverrides: [],
};

export const demo: Command<Options> = {
  path: "demo",
  summary: "show nights of work on a simulated cloud, on a fast clock",
  description:
    "Starts a simulated OpenStack of 30 servers in 3 projects on a loopback port, and lets the conductor that runs in production work on it with an SQLite " +
    "database of its own, a day in about ten seconds, until Ctrl-C. Needs no configuration and touches no other cloud.",
  options: [new Option("--once", "end after the first complete night, with its exit status")],
  printsData: true,
  drains: true,
  async run({ options }, context) {
    const { startDemoCloud } = await import("../demo/cloud.ts");
    const clock = fastClock(context.clock, start, speed);
    const cloud = await startDemoCloud(clock, context.random);
    const directory = await mkdtemp(join(tmpdir(), "dirigent-demo-"));
    const database = join(directory, "dirigent.db");
    const opened = await openDemo(context, { cloud, clock, database });
    try {
      context.output.note(
        `A simulated OpenStack at ${cloud.simulator.authUrl}: ${cloud.servers} servers in 3 projects, ${cloud.tagged} of them tagged backup=yes.`,
      );
      context.output.note(`State: ${database} (SQLite). A day takes about ten seconds.`);
      return await (options.once === true ? oneNight(context, opened.conductor) : nights(context, opened.conductor));
    } finally {
      context.output.progress(null);
      const { saveDigests } = await import("../demo/digests.ts");
      const [digest] = await saveDigests(opened.conductor, directory);
      if (digest !== undefined) context.output.note(`Digests of the last night: ${digest} and others beside it`);
      context.output.note(`State: ${database} (kept; remove ${directory} when you are done)`);
      await opened.close();
      await cloud.simulator.close();
    }
  },
};

async function oneNight(context: Context, conductor: Conductor): Promise<ExitCode> {
  const result = await runOnce(conductor, true, context.signals);
  printNight(context, result);
  return exitOfOutcome[result.outcome];
}

async function nights(context: Context, conductor: Conductor): Promise<ExitCode> {
  context.output.note("Stop with Ctrl-C.");
  const { clock } = conductor;
  const { drain } = context.signals;
  let wake: (wish: Wake) => void = () => undefined;
  // node-schedule reads the machine's clock; the demo's next night begins on its own, and only when the last one is over.
  const sleepUntilNextNight = async (): Promise<void> => {
    await clock.sleep(dayMs - ((Number(clock.now()) - Number(start)) % dayMs), drain);
    wake("create");
    wake("rotate");
  };
  await runDaemon(
    conductor,
    {
      wakes: (onWake) => {
        wake = onWake;
        return () => undefined;
      },
      exclusive: true,
      onCycle: (result) => {
        printNight(context, result);
        sleepUntilNextNight().catch(() => undefined); // rejects only when drained
      },
    },
    context.signals,
  );
  return exit.ok;
}

async function openDemo(
  { io, log, newId, output, random }: Context,
  { cloud, clock, database }: { cloud: DemoCloud; clock: Clock; database: string },
): Promise<{ conductor: Conductor; close: () => Promise<void> }> {
  const { openClouds } = await import("../../openstack/open.ts");
  const { lockExclusively } = await import("../../store/lock.ts");
  const { openStore } = await import("../../store/open.ts");
  const { admin, adminProject, writer } = cloud.accounts;
  const as = (user: { name: string; password: string }): CloudParameters => ({
    authUrl: cloud.simulator.authUrl,
    auth: { kind: "password", user: { name: user.name, domain: { id: "default" } }, password: user.password },
    interface: "public",
    verify: true,
    timeoutMs: 60_000,
  });
  const reader = as(admin);
  const clouds = await openClouds(
    {
      reader: { ...reader, auth: { ...reader.auth, project: { id: adminProject.id } } as typeof reader.auth },
      writer: as(writer),
    },
    { clock, io, log: log(), random },
  );
  const lock = await lockExclusively(database);
  const repository = await openStore(`sqlite:${database}`, { io });
  return {
    conductor: {
      settings,
      reader: clouds.reader,
      writer: clouds.writer,
      repository,
      clock,
      log: log(),
      newId,
      onProgress: (open) => output.progress(describeProgress(clock.now(), open)),
    },
    async close() {
      clouds.close();
      await repository.close();
      await lock.release();
    },
  };
}

function describeProgress(now: Date, open: readonly Job[]): string {
  const running = open.filter((job) => job.state !== "planned").length;
  return `${markTime(now)}  ${running} running, ${open.length - running} waiting`;
}

function printNight({ output }: Context, result: CycleResult): void {
  const { run, outcome, reports, idle } = result;
  if (idle || reports.length === 0) return;
  output.progress(null);
  const byName = [...reports].sort((a, b) => a.projectName.localeCompare(b.projectName));
  output.data(cycleValue(result), () =>
    [`\n=== Night of ${markTime(run.startedAt).slice(0, 10)}: ${outcome} ===\n`, ...byName.map(describeProject)].join(
      "\n",
    ),
  );
}
