import type { TestContext } from "node:test";
import { Outbox, type OutboxDeps } from "../../../src/conductor/outbox.ts";
import type { Delivery } from "../../../src/domain/deliveries.ts";
import { directIo } from "../../../src/domain/io.ts";
import { silentLogger } from "../../../src/domain/log.ts";
import type { ProjectReport, Run } from "../../../src/domain/runs.ts";
import { deliveriesOfReport, deliveriesOfRun, type Routing } from "../../../src/report/routing.ts";
import type { SmtpSettings } from "../../../src/report/smtp.ts";
import { Templates, type CustomTemplates } from "../../../src/report/templates.ts";
import { openStore } from "../../../src/store/open.ts";
import type { Repository } from "../../../src/store/repository.ts";
import { virtualClock, type VirtualClock } from "../../simulation/support/virtual-clock.ts";
import { run as exampleRun } from "./digest-nights.ts";
import type { MailServer } from "./mail-server.ts";

export const minuteMs = 60_000;
export const never = new AbortController().signal;
export const sender = "Backup of Example <backup@cloud.example.org>";

export const smtpTo = (server: Pick<MailServer, "port">, more: Partial<SmtpSettings> = {}): SmtpSettings => ({
  host: "127.0.0.1",
  port: server.port,
  tls: "off",
  ca: null,
  login: null,
  timeoutMs: 5000,
  clientName: "conductor.example.org",
  ...more,
});

export interface Bench {
  readonly clock: VirtualClock;
  readonly repository: Repository;
  readonly outbox: Outbox;
  readonly logged: string[];
  /** Queues a report as the conductor does. */
  queue(report: ProjectReport, receivers: readonly string[]): Promise<void>;
  queueRun(run: Run, receivers: readonly string[]): Promise<void>;
  /** One pass. */
  deliver(): Promise<void>;
  /** `receiver: state`, and how often it was tried. */
  states(): Promise<string[]>;
  all(): Promise<Delivery[]>;
}

export interface BenchOptions extends Partial<Pick<OutboxDeps, "webhook" | "ping" | "members" | "io" | "standing">> {
  readonly smtp: SmtpSettings | null;
  readonly templates?: CustomTemplates;
  readonly routing?: Partial<Routing>;
  readonly database?: string;
}

/** A queue in a database in memory, the production sender and a clock that stands still. */
export async function startBench(t: TestContext, options: BenchOptions): Promise<Bench> {
  const clock = virtualClock("2026-11-21T02:00:00Z");
  const repository = await openStore(options.database ?? "sqlite::memory:", { io: directIo, migrate: true });
  t.after(() => repository.close());
  const logged: string[] = [];
  const note = (fields: object, message: string): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const log = { ...silentLogger, warn: note, error: note };
  const outbox = new Outbox({
    repository,
    clock,
    io: options.io ?? directIo,
    log,
    mail: options.smtp === null ? null : { smtp: options.smtp, from: sender },
    webhook: options.webhook ?? null,
    ping: options.ping ?? null,
    members: options.members ?? (() => Promise.resolve([])),
    standing: options.standing ?? (() => Promise.resolve([])),
    render: {
      templates: new Templates(options.templates ?? {}, ({ text, what }) => logged.push(`${what} ${text}`)),
      timeZone: "UTC",
    },
  });
  const routingTo = (mail: Partial<NonNullable<Routing["mail"]>>): Routing => ({
    mail: { operators: [], receivers: [], projectAddress: null, members: false, ...mail },
    webhook: options.webhook != null,
    ping: options.ping != null,
    retryForMs: 2 * 24 * 60 * minuteMs,
    ...options.routing,
  });
  const all = (): Promise<Delivery[]> => repository.deliveries({ limit: 999 });
  return {
    clock,
    repository,
    outbox,
    logged,
    queue: (report, receivers) =>
      repository.insertReport(
        report,
        deliveriesOfReport(report, routingTo({ receivers, members: options.members !== undefined }), clock.now()),
      ),
    async queueRun(run, operators) {
      await repository.insertRun({ ...exampleRun(), id: run.id, endedAt: null, outcome: null });
      await repository.updateRun(run.id, run, deliveriesOfRun(run, routingTo({ operators }), clock.now()));
    },
    deliver: () => outbox.deliverDue(never),
    all,
    states: async () =>
      (await all())
        .map(
          ({ attempts, channel, receiver, state }) => `${receiver === "" ? channel : receiver}: ${state} ${attempts}`,
        )
        .sort(),
  };
}
