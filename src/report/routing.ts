import { createHash } from "node:crypto";
import type { Delivery } from "../domain/deliveries.ts";
import type { ProjectReport, Run } from "../domain/runs.ts";

/** Who is told of what. */
export interface Routing {
  /** Null: no mail is sent. */
  readonly mail: {
    /** Get every run's digest. */
    readonly operators: readonly string[];
    /** Get every project's digest. */
    readonly receivers: readonly string[];
    /** Where a project's digest goes, with `{PROJECT_NAME}` or `{PROJECT_ID}` before the @; null: nowhere. */
    readonly projectAddress: string | null;
    /** A project's digest goes to its members' addresses in Keystone, too. */
    readonly members: boolean;
  } | null;
  readonly webhook: boolean;
  readonly ping: boolean;
  /** How long a message is tried. */
  readonly retryForMs: number;
}

/** A ping that comes an hour late tells a lie: that the conductor is alive now. */
const pingForMs = 60 * 60 * 1000;

const hashOf = (text: string): string => createHash("sha256").update(text.toLowerCase()).digest("hex").slice(0, 12);

/**
 * The address made of a project, or null when its name is none: everything but plain letters, digits and `. _ + -` could turn one address into
 * another, or into several.
 */
export function projectAddress(
  template: string,
  project: { readonly id: string; readonly name: string },
): string | null {
  const at = template.lastIndexOf("@");
  const local = template
    .slice(0, at)
    .replaceAll(/\{(PROJECT_NAME|PROJECT_ID)\}/g, (_, key) => (key === "PROJECT_ID" ? project.id : project.name));
  return /^[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*$/.test(local) && local.length <= 64 ? local + template.slice(at) : null;
}

type Told = Pick<Delivery, "subject" | "runId" | "reportId" | "projectId">;

/** Builds the rows for one thing to tell; `id` is its own. */
function rowsFor(id: string, told: Told, { now, retryForMs }: { now: Date; retryForMs: number }) {
  const row = (channel: Delivery["channel"], receiver = "", forMs = retryForMs): Delivery => ({
    id: `${id}.${channel}${receiver === "" ? "" : `.${hashOf(receiver)}`}`,
    channel,
    ...told,
    receiver,
    state: "queued",
    attempts: 0,
    createdAt: now,
    nextAttemptAt: now,
    giveUpAt: new Date(now.getTime() + forMs),
    endedAt: null,
    lastError: null,
    resendOf: null,
  });
  return row;
}

/** One for each address, in whatever case it is written. */
const distinct = (addresses: readonly string[]): readonly string[] => [
  ...new Map(addresses.map((address) => [address.toLowerCase(), address])).values(),
];

/** What is queued with a project's report. */
export function deliveriesOfReport(report: ProjectReport, routing: Routing, now: Date): readonly Delivery[] {
  const { id, projectId, projectName, runId } = report;
  const row = rowsFor(id, { subject: "project", runId, reportId: id, projectId }, { now, ...routing });
  const { mail } = routing;
  const template = mail?.projectAddress ?? null;
  const own = template === null ? null : projectAddress(template, { id: projectId, name: projectName });
  const lastError = `no mail address can be made of the project's name; use {PROJECT_ID} in mail.project_address`;
  return [
    ...distinct([...(mail?.receivers ?? []), ...(own === null ? [] : [own])]).map((address) => row("mail", address)),
    // Told to the operators as every mail that failed.
    ...(template !== null && own === null
      ? [{ ...row("mail"), state: "failed" as const, endedAt: now, lastError }]
      : []),
    ...(mail?.members === true ? [row("members")] : []),
    ...(routing.webhook ? [row("webhook")] : []),
  ];
}

/** What is queued with a run's end. The ping only when the run did its work: it is missed when backups are. */
export function deliveriesOfRun(run: Pick<Run, "id" | "outcome">, routing: Routing, now: Date): readonly Delivery[] {
  const told: Told = { subject: "run", runId: run.id, reportId: null, projectId: null };
  const row = rowsFor(run.id, told, { now, ...routing });
  return [
    ...distinct(routing.mail?.operators ?? []).map((address) => row("mail", address)),
    ...(routing.webhook ? [row("webhook")] : []),
    ...(routing.ping && (run.outcome === "ok" || run.outcome === "partial") ? [row("ping", "", pingForMs)] : []),
  ];
}

/** One mail for each member's address, in place of the row that stood for them. Those who get it anyhow are left out by their equal ids. */
export const deliveriesOfMembers = (members: Delivery, addresses: readonly string[], now: Date): readonly Delivery[] =>
  distinct(addresses).map((receiver) => ({
    ...members,
    id: members.id.replace(".members", `.mail.${hashOf(receiver)}`),
    resendOf: members.resendOf?.replace(".members", `.mail.${hashOf(receiver)}`) ?? null,
    channel: "mail",
    receiver,
    attempts: 0,
    createdAt: now,
    nextAttemptAt: now,
  }));

/** The same again, at an operator's wish: under new ids, which tell that they are. @param again 1 for the first time */
export const asResends = (deliveries: readonly Delivery[], again: number): readonly Delivery[] =>
  deliveries.map((delivery) => ({ ...delivery, id: `${delivery.id}.again-${again}`, resendOf: delivery.id }));
