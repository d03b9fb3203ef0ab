import type { Clock } from "../domain/clock.ts";
import type { Delivery, DeliveryChannel } from "../domain/deliveries.ts";
import type { Io } from "../domain/io.ts";
import type { Logger } from "../domain/log.ts";
import { isAborted } from "../openstack/errors.ts";
import { buildMessage } from "../report/message.ts";
import type { Problem } from "../report/operators.ts";
import { accepted, failed, type Outcome } from "../report/outcome.ts";
import { projectPayload, runPayload } from "../report/payload.ts";
import { ping, postWebhook, type HttpTarget, type WebhookTarget } from "../report/post.ts";
import { renderProject, renderRun, type Rendered, type RenderOptions } from "../report/render.ts";
import { deliveriesOfMembers } from "../report/routing.ts";
import { SmtpSession, type SmtpSettings } from "../report/smtp.ts";
import type { Repository } from "../store/repository.ts";

/** What sending needs. A channel that is null is not configured: what is queued for it fails and says so. */
export interface OutboxDeps {
  readonly repository: Repository;
  readonly clock: Clock;
  readonly io: Io;
  readonly log: Logger;
  readonly mail: { readonly smtp: SmtpSettings; readonly from: string } | null;
  readonly webhook: WebhookTarget | null;
  readonly ping: HttpTarget | null;
  readonly render: RenderOptions;
  /** What else operators have to see to, asked when their digest is made. */
  readonly standing: () => Promise<readonly Problem[]>;
  /** Addresses of a project's members. */
  readonly members: (projectId: string, signal: AbortSignal) => Promise<readonly string[]>;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** How long an attempt may be under way before somebody else makes the next one: more than any of them can take. */
const attemptMs = 15 * minuteMs;
const longestPauseMs = 60 * minuteMs;
/** How long it sleeps when nobody wakes it: another conductor may have queued something. */
const idleMs = minuteMs;
const keepEndedMs = 90 * dayMs;
const batch = 100;
/** Reports of one run: more projects than any cloud has. */
const allReports = 100_000;

interface Attempt {
  readonly outcome: Outcome;
  readonly insert?: readonly Delivery[];
}

/** Grows with every attempt: 1, 2, 4 minutes, up to an hour. */
const pauseMs = (attempts: number): number => Math.min(longestPauseMs, minuteMs * 2 ** Math.min(attempts - 1, 10));

const gone: Outcome = failed("refused", "what it tells of is no longer in the database");
const unconfigured = (key: string): Outcome => failed("refused", `${key} is no longer configured`);

/**
 * Sends what is queued. Every attempt is written down before it is made, with the time of the next one: a process that is killed after sending and
 * before it could say so sends the same message once more, under the same id.
 */
export class Outbox {
  readonly #deps: OutboxDeps;
  /** Channels whose other side is down, and how often in a row. */
  readonly #down = new Map<DeliveryChannel, { readonly times: number; readonly until: Date }>();
  /** The digest that was rendered last: it often goes to several receivers. */
  #rendered: { readonly of: string; readonly digest: Rendered } | null = null;
  #wake: () => void = () => undefined;

  constructor(deps: OutboxDeps) {
    this.#deps = deps;
  }

  /** Something was queued. */
  wake(): void {
    this.#wake();
  }

  /**
   * Sends what is due until stopped; what is left stays queued. Never rejects: a failing database or mail server is tried again.
   * @param signals.stop ends it after the pass that is under way
   * @param signals.cut ends that pass, too
   */
  async run({ cut, stop }: { readonly stop: AbortSignal; readonly cut: AbortSignal }): Promise<void> {
    const { clock, log, repository } = this.#deps;
    const ended = AbortSignal.any([stop, cut]);
    while (!ended.aborted) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      let sleepMs = idleMs;
      try {
        await this.deliverDue(cut);
        await repository.purgeDeliveries(new Date(clock.now().getTime() - keepEndedMs));
      } catch (error) {
        log.error({ error }, "what is queued could not be sent; it is tried again");
        sleepMs = 5 * minuteMs;
      }
      await clock.sleep(sleepMs, AbortSignal.any([ended, woken.signal])).catch(() => undefined); // rejects only when woken or ended
    }
  }

  /** Makes an attempt at everything that is due. Each channel on its own: none waits for another's. */
  async deliverDue(signal: AbortSignal): Promise<void> {
    const membersThenMail = async (): Promise<void> => {
      await this.#deliverChannel("mail", signal);
      if (await this.#deliverChannel("members", signal)) await this.#deliverChannel("mail", signal);
    };
    const others = (["webhook", "ping"] as const).map((channel) => this.#deliverChannel(channel, signal));
    await Promise.all([membersThenMail(), ...others]);
  }

  /** Makes an attempt at these, due or not. */
  async deliverNow(deliveries: readonly Delivery[], signal: AbortSignal): Promise<void> {
    const session = this.#mailSession(deliveries.map(({ channel }) => channel));
    try {
      for (const delivery of deliveries) await this.#deliver(delivery, session, signal);
    } finally {
      session?.quit();
    }
  }

  /** @returns whether there was something to deliver */
  async #deliverChannel(channel: DeliveryChannel, signal: AbortSignal): Promise<boolean> {
    const { clock, repository } = this.#deps;
    const session = this.#mailSession([channel]);
    const mayGoOn = (): boolean => !signal.aborted && !this.#isDown(channel);
    let any = false;
    try {
      while (mayGoOn()) {
        const due = await repository.deliveries({ states: ["queued"], channel, dueBy: clock.now(), limit: batch });
        if (due.length === 0) break;
        for (const delivery of due) {
          if (!mayGoOn()) break;
          await this.#deliver(delivery, session, signal);
          any = true;
        }
      }
    } finally {
      session?.quit();
    }
    return any;
  }

  #mailSession(channels: readonly DeliveryChannel[]): SmtpSession | null {
    const { mail } = this.#deps;
    return mail !== null && channels.includes("mail") ? new SmtpSession(mail.smtp) : null;
  }

  #isDown(channel: DeliveryChannel): boolean {
    const down = this.#down.get(channel);
    return down !== undefined && this.#deps.clock.now() < down.until;
  }

  async #deliver(delivery: Delivery, session: SmtpSession | null, signal: AbortSignal): Promise<void> {
    const { clock, log, repository } = this.#deps;
    const { channel, id } = delivery;
    const startedAt = clock.now();
    const attempts = delivery.attempts + 1;
    const about = { delivery: id, channel, receiver: delivery.receiver, attempts };
    if (startedAt >= delivery.giveUpAt) {
      const lastError = `not accepted in time: ${delivery.lastError ?? "it was never tried"}`;
      await repository.moveDelivery({ id, patch: { state: "failed", endedAt: startedAt, lastError } });
      log.error({ ...about, reason: lastError }, "a report could not be delivered and is given up");
      return;
    }
    const nextAttemptAt = new Date(startedAt.getTime() + attemptMs);
    const patch = { attempts, nextAttemptAt };
    if (!(await repository.moveDelivery({ id, attempts: delivery.attempts, patch }))) return;
    const { outcome, insert } = await this.#attempt({ ...delivery, ...patch }, session, signal);
    const now = clock.now();
    if (outcome.kind === "accepted") {
      this.#down.delete(channel);
      await repository.moveDelivery({
        id,
        patch: { state: "sent", endedAt: now, lastError: null },
        ...(insert === undefined ? {} : { insert }),
      });
      log.info(about, channel === "ping" ? "the ping was accepted" : "a report was accepted");
      return;
    }
    const { error: lastError, kind } = outcome;
    // Stopped in the middle: that is nobody's fault, and tried again with the next start.
    if (signal.aborted && kind !== "refused") {
      await repository.moveDelivery({ id, attempts, patch: { nextAttemptAt: now } });
      return;
    }
    if (kind === "refused") {
      this.#down.delete(channel);
      await repository.moveDelivery({ id, patch: { state: "failed", endedAt: now, lastError } });
      log.error({ ...about, reason: lastError }, "a report was refused");
      return;
    }
    const times = (this.#down.get(channel)?.times ?? 0) + 1;
    if (kind === "down") this.#down.set(channel, { times, until: new Date(now.getTime() + pauseMs(times)) });
    const next = new Date(Math.min(now.getTime() + pauseMs(attempts), delivery.giveUpAt.getTime()));
    await repository.moveDelivery({ id, attempts, patch: { nextAttemptAt: next, lastError } });
    log.warn({ ...about, reason: lastError, nextAttemptAt: next }, "a report was not accepted; it is tried again");
  }

  /** One attempt, and what takes the delivery's place when it succeeds. */
  async #attempt(delivery: Delivery, session: SmtpSession | null, signal: AbortSignal): Promise<Attempt> {
    try {
      switch (delivery.channel) {
        case "members":
          return await this.#expand(delivery, signal);
        case "mail":
          return { outcome: await this.#sendMail(delivery, session, signal) };
        case "webhook":
          return { outcome: await this.#post(delivery, signal) };
        case "ping":
          return { outcome: await this.#ping(signal) };
      }
    } catch (error) {
      return {
        outcome: failed(isAborted(error) ? "down" : "later", error instanceof Error ? error.message : String(error)),
      };
    }
  }

  async #expand(delivery: Delivery, signal: AbortSignal): Promise<Attempt> {
    const { clock, members } = this.#deps;
    const addresses = await members(delivery.projectId ?? "", signal);
    return { outcome: accepted, insert: deliveriesOfMembers(delivery, addresses, clock.now()) };
  }

  async #sendMail(delivery: Delivery, session: SmtpSession | null, signal: AbortSignal): Promise<Outcome> {
    const { io, mail } = this.#deps;
    if (mail === null || session === null) return unconfigured("mail.host");
    const rendered = await this.#render(delivery);
    if (rendered === null) return gone;
    const message = await buildMessage(delivery, rendered, mail.from);
    return await io.run({ kind: "mail", name: "send" }, () => session.send(message, signal));
  }

  async #post(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    const { clock, io, webhook } = this.#deps;
    if (webhook === null) return unconfigured("webhook.url");
    const body = await this.#payload(delivery);
    if (body === null) return gone;
    const message = { id: delivery.id, body, at: clock.now() };
    return await io.run({ kind: "http", name: "POST webhook" }, () => postWebhook(webhook, message, signal));
  }

  async #ping(signal: AbortSignal): Promise<Outcome> {
    const { io, ping: target } = this.#deps;
    if (target === null) return unconfigured("ping.url");
    return await io.run({ kind: "http", name: "GET ping" }, () => ping(target, signal));
  }

  async #render(delivery: Delivery): Promise<Rendered | null> {
    const of = delivery.reportId ?? delivery.runId;
    if (this.#rendered?.of === of) return this.#rendered.digest;
    const { clock, render, repository, standing } = this.#deps;
    const digest = await renderDelivery(repository, { subject: delivery, now: clock.now(), render, standing });
    if (digest !== null) this.#rendered = { of, digest };
    return digest;
  }

  async #payload(delivery: Delivery): Promise<string | null> {
    const { repository } = this.#deps;
    if (delivery.reportId !== null) {
      const [report] = await repository.reports({ id: delivery.reportId, limit: 1 });
      return report === undefined ? null : projectPayload(delivery, report);
    }
    const [run] = await repository.runs({ id: delivery.runId, limit: 1 });
    if (run === undefined) return null;
    return runPayload(delivery, run, await repository.reports({ runId: run.id, limit: allReports }));
  }
}

/** Renders what a delivery tells of: a project's report, else its run. Null when there is no such thing. */
export async function renderDelivery(
  repository: Repository,
  options: {
    readonly subject: Pick<Delivery, "reportId" | "runId">;
    readonly now: Date;
    readonly render: RenderOptions;
    readonly standing: OutboxDeps["standing"];
  },
): Promise<Rendered | null> {
  const { now, render, standing, subject } = options;
  if (subject.reportId !== null) {
    const [report] = await repository.reports({ id: subject.reportId, limit: 1 });
    return report === undefined ? null : await renderProject(report, render);
  }
  const [run] = await repository.runs({ id: subject.runId, limit: 1 });
  if (run === undefined) return null;
  const reports = await repository.reports({ runId: run.id, limit: allReports });
  return await renderRun(
    {
      run,
      reports,
      notices: (await repository.operations({ runId: run.id, kinds: ["notice"] })).filter(
        ({ projectId }) => projectId === null,
      ),
      problems: [...(await standing()), ...(await deliveryProblems(repository, now))],
    },
    render,
  );
}

/** Deliveries of the last days that failed, or were not accepted yet. */
async function deliveryProblems(repository: Repository, now: Date): Promise<readonly Problem[]> {
  const since = new Date(now.getTime() - 3 * dayMs);
  const yesterday = new Date(now.getTime() - dayMs);
  const found = await repository.deliveries({ states: ["failed", "queued"], since, limit: 10_000 });
  return found
    .filter(({ endedAt, lastError }) => lastError !== null && (endedAt === null || endedAt >= yesterday))
    .map(({ channel, lastError, projectId, receiver, state }) => ({
      what: [channel, receiver, projectId === null ? "" : `of project ${projectId}`]
        .filter((part) => part !== "")
        .join(" "),
      text: `${state === "failed" ? "given up" : "not accepted yet"}: ${lastError ?? ""}`,
    }));
}
