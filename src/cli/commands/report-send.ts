import type { Delivery } from "../../domain/deliveries.ts";
import { asResends, deliveriesOfReport, deliveriesOfRun } from "../../report/routing.ts";
import type { Repository } from "../../store/repository.ts";
import type { Command, Context } from "../command.ts";
import { CommandError, exit, type ExitCode } from "../exit-codes.ts";
import { openConductor } from "../open-conductor.ts";
import { table } from "../output.ts";
import { findSubject, idArgument, manyDeliveries, ofRunAlone, type Subject } from "../report-subject.ts";
import { memberAddressesOf, openOutbox, routingOf } from "../reporting.ts";

export const reportSend: Command = {
  path: "report send",
  summary: "send a report once more to those who are configured to get it",
  description:
    "Queues a digest again and makes the first attempt at once. The mails have ids of their own and name the first one, so that mail programs show them together. " +
    "What is not accepted is tried again by the conductor.",
  arguments: [idArgument],
  printsData: true,
  async run({ arguments: [id = ""] }, context) {
    const opened = await openConductor(context, "look");
    try {
      const { conductor } = opened;
      const { repository } = conductor;
      const again = await resendsOf(context, repository, await findSubject(repository, id));
      const [first] = again;
      if (first === undefined) {
        throw new CommandError(
          exit.config,
          "nobody is configured to get it; see mail.*, webhook.* in the configuration",
        );
      }
      await repository.insertDeliveries(again);
      const members = (projectId: string, signal: AbortSignal) => memberAddressesOf(conductor, projectId, signal);
      const outbox = await openOutbox(context, { repository, members });
      const suffix = suffixOf(first.id);
      const rows = async (): Promise<Delivery[]> =>
        (await repository.deliveries({ runId: first.runId, limit: manyDeliveries })).filter(
          (row) => row.subject === first.subject && row.reportId === first.reportId && row.id.endsWith(suffix),
        );
      const untried = async (isMembers: boolean): Promise<Delivery[]> =>
        (await rows()).filter(
          ({ attempts, channel, state }) =>
            state === "queued" && attempts === 0 && (channel === "members") === isMembers,
        );
      // First the members, who become mails.
      for (const isMembers of [true, false]) await outbox.deliverNow(await untried(isMembers), context.signals.cut);
      const ended = (await rows()).filter(({ channel, state }) => channel !== "members" || state !== "sent");
      context.output.data(ended, () => describe(ended));
      return exitOf(ended);
    } finally {
      await opened.close();
    }
  },
};

const describe = (rows: readonly Delivery[]): string =>
  table(rows, [
    { title: "DELIVERY", value: ({ id }) => id },
    { title: "CHANNEL", value: ({ channel }) => channel },
    { title: "TO", value: ({ receiver }) => receiver },
    { title: "STATE", value: ({ state }) => state },
    { title: "ERROR", value: ({ lastError }) => lastError ?? "" },
  ]);

function exitOf(rows: readonly Delivery[]): ExitCode {
  const sent = rows.filter(({ state }) => state === "sent").length;
  return sent === rows.length ? exit.ok : sent === 0 ? exit.failed : exit.partial;
}

const suffixOf = (id: string): string => /\.again-\d+$/.exec(id)?.[0] ?? "";

/** The deliveries of a report as they would be queued now, numbered after those that there are. Nobody is pinged again. */
async function resendsOf(context: Context, repository: Repository, subject: Subject): Promise<readonly Delivery[]> {
  const routing = routingOf(context.settings());
  const now = context.clock.now();
  const [planned, earlier] =
    "report" in subject
      ? [
          deliveriesOfReport(subject.report, routing, now),
          await repository.deliveries({ reportId: subject.report.id, limit: manyDeliveries }),
        ]
      : [deliveriesOfRun(subject.run, routing, now), await ofRunAlone(repository, subject.run.id)];
  const used = earlier.map(({ id }) => Number(/\.again-(\d+)$/.exec(id)?.[1] ?? 0));
  return asResends(
    planned.filter(({ channel }) => channel !== "ping"),
    Math.max(0, ...used) + 1,
  );
}
