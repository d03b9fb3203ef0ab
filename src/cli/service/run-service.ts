import { conductorMetrics, type ConductorMetrics } from "../../api/metrics/conductor-metrics.ts";
import { listen } from "../../api/policy-hook/listener.ts";
import { keepCatalogueFile } from "../../conductor/catalogue-file.ts";
import type { Conductor } from "../../conductor/context.ts";
import { runDaemon, type DaemonChange, type DaemonState } from "../../conductor/daemon.ts";
import { observed } from "../../conductor/observed.ts";
import { cronWakes, type WakeSource } from "../../conductor/wake.ts";
import { ConfigError } from "../../config/errors.ts";
import type { Settings } from "../../config/settings.ts";
import type { Repository } from "../../store/repository.ts";
import { catalogueFileDeps } from "../catalogue-file.ts";
import type { Context } from "../command.ts";
import { CommandError, exit } from "../exit-codes.ts";
import { conductorSettings, openConductor } from "../open-conductor.ts";
import { whileSending } from "../reporting.ts";
import { narrateCycle, narrator } from "./narrator.ts";
import { compareSettings } from "./reload.ts";
import { serviceManager, type ServiceManager } from "./service-manager.ts";
import { progressText, stateText } from "./status.ts";
import { watchdog } from "./watchdog.ts";

/**
 * The conductor as a service, until it is drained: tells systemd how it is, serves metrics, reads its configuration again at SIGHUP.
 *
 * Ready is said when configuration, credentials and database are in order and the lease is held, or another conductor's to hold. OpenStack need not
 * answer for that: it may start later than we do, or be away for a night, and neither is mended by starting us again.
 * @throws ConfigError, ConnectionError, StoreError, CommandError when the start fails
 */
export async function runService(context: Context): Promise<void> {
  const log = context.log();
  const manager = serviceManager(context.environment, { log });
  const dog = watchdog(manager, context);
  const opening = { current: null as Conductor | null };
  const metrics = conductorMetrics({
    version: context.version,
    clock: context.clock,
    settings: () => conductorSettings(context.settings()),
    projects: context.settings().metrics.projects,
    deliveries: async () => (await opening.current?.repository.deliveries({ states: ["queued"], limit: 10_000 })) ?? [],
    serviceDate: () => opening.current?.reader.serviceDate("block-storage") ?? null,
  });
  manager.status("opening the database");
  const opened = await openConductor({ ...context, clock: dog.clock, io: metrics.io(dog.io) }, "work");
  let server: { close(graceMs: number): Promise<void> } | null = null;
  const ended = new AbortController();
  let keeping: Promise<void> | null = null;
  try {
    const conductor: Conductor = {
      ...opened.conductor,
      repository: observed(opened.conductor.repository, [
        narrator(log, context.settings().policy.name),
        metrics.observer,
      ]),
      onProtected: metrics.onProtected,
      onPoints: metrics.onPoints,
      onQuota: metrics.onQuota,
      onPolicyFiles: metrics.onPolicyFiles,
      onProgress(open) {
        metrics.onProgress(open);
        manager.status(progressText(open));
      },
    };
    opening.current = conductor;
    await rememberSuccesses(opened.conductor.repository, metrics);
    server = await serveMetrics(context, metrics);
    const file = catalogueFileDeps(context, opened);
    keeping = file === null ? null : keepCatalogueFile(file, ended.signal);
    const tellStop = (): void => {
      log.info({}, "stopping: what is in hand is finished, nothing new is begun");
      manager.stopping(context.settings().conductor.shutdownGraceMs + stopMarginMs);
      manager.status("stopping; backups that Cinder is making go on without us");
    };
    context.signals.drain.addEventListener("abort", tellStop, { once: true });
    await whileSending(context, conductor, (reporting) =>
      // The queue of reports is not the work: it must not feed the watchdog.
      dog.watch(() =>
        runDaemon(
          reporting,
          {
            wakes: wakesOf(context.settings()),
            exclusive: opened.exclusive,
            onCycle(result) {
              narrateCycle(log, result);
              metrics.onCycle(result);
            },
            onState: stateTeller(context, manager, metrics),
            changes: (apply) => context.onReload(() => reload(context, { manager, metrics, apply })),
          },
          context.signals,
        ),
      ),
    );
    log.info({}, "stopped");
  } finally {
    ended.abort();
    await keeping;
    await server?.close(1000);
    await opened.close();
    await manager.settled();
  }
}

/** For closing files and connections when the grace is over. */
const stopMarginMs = 30_000;

const wakesOf = ({ conductor }: Settings): WakeSource =>
  cronWakes({
    create: conductor.backupSchedule,
    rotate: conductor.rotationSchedule,
    timeZone: conductor.timeZone,
  });

/** Says ready at the first state there is, and each state in one line. */
function stateTeller(
  context: Context,
  manager: ServiceManager,
  metrics: ConductorMetrics,
): (state: DaemonState) => void {
  let ready = false;
  return (state) => {
    if (!ready && state.kind !== "failing") {
      ready = true;
      manager.ready();
      context.log().info({ standby: state.kind === "standby" }, "the conductor is ready");
    }
    if (state.kind === "failing") metrics.onFailure();
    manager.status(stateText(state));
  };
}

/** Reads the configuration again; one that will not do changes nothing. */
function reload(
  context: Context,
  { manager, metrics, apply }: { manager: ServiceManager; metrics: ConductorMetrics; apply: (c: DaemonChange) => void },
): void {
  const log = context.log();
  const before = context.settings();
  manager.reloading();
  try {
    const after = context.reload();
    const { changed, restart } = compareSettings(before, after);
    if (restart.length > 0) log.warn({ keys: restart }, "changed, but in force only after a restart");
    log.info(
      { changed },
      changed.length === 0 ? "the configuration was read again: nothing changed" : "the configuration was read again",
    );
    const { leaseOwner, leaseTtlMs } = conductorSettings(before);
    apply({ settings: { ...conductorSettings(after), leaseOwner, leaseTtlMs }, wakes: wakesOf(after) });
    metrics.onReload(true);
    manager.status("the configuration was read again");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    log.error({ problems: error.problems }, "the new configuration is not valid; the old one stays in force");
    metrics.onReload(false);
    manager.status("the new configuration is not valid, the old one is in force; see the log");
  }
  manager.ready();
}

/** The figures of earlier nights: a restart must not look as if nothing had ever been backed up. */
async function rememberSuccesses(repository: Repository, { book }: ConductorMetrics): Promise<void> {
  const limit = 5000;
  for (let after = ""; ;) {
    const entries = await repository.catalogue({ after, limit });
    for (const { goodAt, mechanism, policy, projectId } of entries) {
      if (goodAt !== null) book.succeeded(projectId, { policy: policy ?? "unknown", mechanism, at: goodAt });
    }
    const last = entries.at(-1);
    if (entries.length < limit || last === undefined) return;
    after = last.backupId;
  }
}

async function serveMetrics(context: Context, { app }: ConductorMetrics) {
  const { address: host, port } = context.settings().metrics;
  if (port === null) return null;
  const limits = { headerTimeoutMs: 5000, requestTimeoutMs: 10_000, keepAliveMs: 60_000, maxConnections: 64 };
  try {
    const listener = await listen(app.fetch, { host, port, tls: null, ...limits });
    context.log().info({ address: host, port: listener.port }, "metrics are served");
    return listener;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(exit.failed, `cannot listen as metrics.address and metrics.port say: ${why}`, { cause });
  }
}
