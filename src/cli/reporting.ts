import { operatorText } from "../domain/reasons.ts";
import type { Conductor, Reporting } from "../conductor/context.ts";
import { compressionProblems } from "./compression.ts";
import type { Outbox, OutboxDeps } from "../conductor/outbox.ts";
import { readSecret } from "../config/secrets.ts";
import type { Settings } from "../config/settings.ts";
import type { Clock } from "../domain/clock.ts";
import type { Logger } from "../domain/log.ts";
import type { RenderOptions } from "../report/render.ts";
import { deliveriesOfReport, deliveriesOfRun, type Routing } from "../report/routing.ts";
import { Templates } from "../report/templates.ts";
import type { SmtpSettings } from "../report/smtp.ts";
import type { Context } from "./command.ts";

/** Who is told of what, as configured. */
export const routingOf = ({ mail, ping, retryForMs, webhook }: Settings): Routing => ({
  mail,
  webhook: webhook !== null,
  ping: ping !== null,
  retryForMs,
});

/** What the conductor queues, for the receivers of now by the channels that were open at the start. `wake` is called whenever it has. */
export function reportingOf(settings: () => Settings, clock: Clock, wake: () => void): Reporting {
  const { mail, ping, webhook } = settings();
  const routing = (): Routing => {
    const now = settings();
    return routingOf({ ...now, mail: mail === null ? null : now.mail, ping, webhook });
  };
  return {
    ofProject: (report) => deliveriesOfReport(report, routing(), clock.now()),
    ofRun: (run) => deliveriesOfRun(run, routing(), clock.now()),
    wake,
  };
}

export const renderOptionsOf = ({ conductor, templates }: Settings, log: Logger): RenderOptions => ({
  templates: new Templates(templates, ({ text, what }) => log.error({ reason: text }, `the ${what} is broken`)),
  timeZone: conductor.timeZone,
});

/** The mail server's password is read now: a file that cannot be read is said at the start. @throws ConfigError */
function smtpOf({ mail }: Settings, { environment }: Pick<Context, "environment">): SmtpSettings | null {
  if (mail === null) return null;
  const { ca, clientName, host, login, port, timeoutMs, tls } = mail;
  const password = login === null ? null : readSecret(login.password, environment);
  return {
    host,
    port,
    tls,
    ca,
    timeoutMs,
    clientName,
    login: login === null || password === null ? null : { user: login.user, password },
  };
}

/** Never people: the accounts that Dirigent itself works with. */
export async function memberAddressesOf(
  { reader, writer }: Pick<Conductor, "reader" | "writer">,
  projectId: string,
  signal: AbortSignal,
): Promise<string[]> {
  const except = new Set([await reader.userId(signal), await writer.userId(signal)]);
  return await reader.memberAddresses(projectId, except, signal);
}

/**
 * Runs `work` with a conductor that queues its reports, and sends them meanwhile. What was queued last gets an attempt, too, before it ends;
 * what is not accepted then waits for the next conductor.
 */
export async function whileSending<T>(
  context: Context,
  conductor: Conductor,
  work: (conductor: Conductor) => Promise<T>,
): Promise<T> {
  const { repository } = conductor;
  const members = (projectId: string, signal: AbortSignal) => memberAddressesOf(conductor, projectId, signal);
  const policyProblems = (): readonly string[] => conductor.policySource?.problems() ?? [];
  const outbox = await openOutbox(context, { repository, members, policyProblems });
  const stop = new AbortController();
  const cut = AbortSignal.any([context.signals.drain, context.signals.cut]);
  const sending = outbox.run({ stop: stop.signal, cut });
  try {
    const reporting = reportingOf(context.settings, context.clock, () => outbox.wake());
    const result = await work({ ...conductor, reporting });
    stop.abort();
    await sending;
    await outbox
      .deliverDue(cut)
      .catch((error: unknown) =>
        context.log().error({ error }, "what is queued could not be sent; it waits for the next start"),
      );
    return result;
  } finally {
    stop.abort();
    await sending;
  }
}

/**
 * What sends the queue. With nothing configured it sends nothing, and says of what is queued from before that it cannot be sent.
 * @throws ConfigError when a secret cannot be read
 */
export async function openOutbox(
  context: Context,
  {
    policyProblems,
    ...deps
  }: Pick<OutboxDeps, "repository" | "members"> & { readonly policyProblems?: () => readonly string[] },
): Promise<Outbox> {
  const { clock, environment, io, settings } = context;
  const { mail, ping, webhook } = settings();
  const smtp = smtpOf(settings(), context);
  const log = context.log();
  const { Outbox } = await import("../conductor/outbox.ts");
  return new Outbox({
    ...deps,
    clock,
    io,
    log,
    mail: mail === null || smtp === null ? null : { smtp, from: mail.from },
    webhook:
      webhook === null
        ? null
        : {
            url: readSecret(webhook.url, environment),
            timeoutMs: webhook.timeoutMs,
            secret: webhook.secret === null ? null : readSecret(webhook.secret, environment),
          },
    ping: ping === null ? null : { url: readSecret(ping.url, environment), timeoutMs: ping.timeoutMs },
    render: renderOptionsOf(settings(), log),
    standing: async () => [
      ...(policyProblems?.() ?? []).map((text) => ({
        what: operatorText("policies_invalid"),
        text,
      })),
      ...(await compressionProblems(settings(), io, context.signals.cut)),
    ],
  });
}
