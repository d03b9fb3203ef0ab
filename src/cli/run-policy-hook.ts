import { existsSync } from "node:fs";
import { createPolicyHook } from "../api/policy-hook/app.ts";
import { budgetMs } from "../api/policy-hook/index.ts";
import { listen, type Listener, type TlsFiles } from "../api/policy-hook/listener.ts";
import { createMetrics } from "../api/policy-hook/metrics.ts";
import type { Environment } from "../config/environment.ts";
import { openSources } from "./policy-hook-sources.ts";
import { ConfigError } from "../config/errors.ts";
import { readSecretFile } from "../config/secrets.ts";
import type { PolicyHookSettings } from "../config/settings.ts";
import type { Context } from "./command.ts";
import { CommandError, exit } from "./exit-codes.ts";

/** Requests in hand end within the budget. */
const stopGraceMs = 2_000;
const maxConnections = 4096;

/**
 * Serves the policy hook and its metrics until the signal to stop.
 * @throws ConfigError, CommandError when it cannot listen
 */
export async function runPolicyHook(context: Context): Promise<void> {
  const { policyHook: settings, conductor } = context.settings();
  const log = context.log();
  if (settings.conductorUserIds.length === 0) {
    throw new ConfigError([
      "policy_hook.conductor_user_ids is empty: rotation would be denied, too; set it to the user id of the writer, which `dirigent doctor` shows",
    ]);
  }
  const tls = settings.tls === null ? null : readTls(settings.tls, context.environment);
  const sources = await openSources(context);
  let stopping = false;
  const metrics = createMetrics(context.clock);
  const app = createPolicyHook({
    rules: {
      conductorIds: new Set(settings.conductorUserIds),
      creatorIds: new Set([...settings.conductorUserIds, ...conductor.userIds]),
      adminsMay: settings.adminsMayDelete,
    },
    catalogue: sources.catalogue,
    lookUp: sources.lookUp,
    guardVolumes: settings.guardVolumeDelete,
    bodyLimitBytes: settings.bodyLimitBytes,
    budgetMs,
    health: () => {
      if (stopping) return "STOPPING";
      if (settings.disableFile !== null && existsSync(settings.disableFile)) return "DISABLED BY FILE";
      return sources.catalogue?.problem() ?? null;
    },
    observer: metrics.observer,
    log,
  });
  const limits = {
    headerTimeoutMs: settings.headerTimeoutMs,
    requestTimeoutMs: settings.headerTimeoutMs + budgetMs,
    keepAliveMs: settings.keepAliveMs,
    maxConnections,
  };
  const open: Listener[] = [];
  try {
    const { address: host, port } = settings;
    open.push(
      await listening("policy_hook", () =>
        listen(app.fetch, {
          host,
          port,
          tls,
          ...limits,
          readAhead: { bodyLimitBytes: settings.bodyLimitBytes, budgetMs },
        }),
      ),
    );
    const { metrics: at } = settings;
    open.push(
      await listening("policy_hook.metrics", () =>
        listen(metrics.app.fetch, { host: at.address, port: at.port, tls: null, ...limits }),
      ),
    );
    if (tls === null && !isLoopback(host)) {
      log.warn(
        { address: host },
        "answers in plain HTTP beyond this machine: whoever is in between can say yes for it",
      );
    }
    log.info({ address: host, ports: open.map((each) => each.port), tls: tls !== null }, "the policy hook is ready");
    await aborted(context.signals.drain);
    stopping = true;
    log.info({}, "the policy hook stops");
  } finally {
    await Promise.all(open.map((each) => each.close(stopGraceMs)));
    await sources.close();
  }
}

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);

async function listening(key: string, work: () => Promise<Listener>): Promise<Listener> {
  try {
    return await work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(exit.failed, `cannot listen as ${key} says: ${why}`, { cause });
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

function readTls(files: NonNullable<PolicyHookSettings["tls"]>, environment: Environment): TlsFiles {
  const pem = (path: string, key: string): string => {
    const file = environment.files.read(path);
    if (file === null) throw new ConfigError([`${path}: no such file; policy_hook.tls.${key} names it`]);
    return file.text;
  };
  return {
    certificate: pem(files.certificateFile, "certificate_file"),
    key: readSecretFile(files.keyFile, "policy_hook.tls.key_file", environment),
    clientCa: files.clientCaFile === null ? null : pem(files.clientCaFile, "client_ca_file"),
  };
}
