import { Option } from "commander";
import { findUserId } from "../../audit/cloud.ts";
import type { Finding } from "../../audit/findings.ts";
import type { AuditOptions } from "../../audit/options.ts";
import { runAudit, type AuditReport } from "../../audit/run.ts";
import { loadConnection } from "../../config/connections.ts";
import type { Command, Context } from "../command.ts";
import { exit } from "../exit-codes.ts";
import { table } from "../output.ts";

interface Options {
  readonly before?: string;
  readonly save?: string;
  readonly userId?: readonly string[];
  readonly pruned?: readonly string[];
  readonly released?: readonly string[];
  readonly adopted?: readonly string[];
  readonly aroundRun?: boolean;
}

/** For an option that may be given several times. */
const collect = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];

export const auditCommand: Command<Options> = {
  path: "audit",
  summary: "check from Cinder alone that the conductor kept its rules",
  description:
    "Lists backups, snapshots and volumes with the reader, and judges rules 1 to 3 and the marks by what it sees, without the database and without the " +
    "conductor's own code. Against an earlier listing it also judges what went since. Changes nothing in the cloud. Exits with 1 when a rule is broken.",
  options: [
    new Option("--before <file>", "the earlier listing, from --save; without it nothing is said about deletions"),
    new Option("--save <file>", "save this listing for the next audit; may be the file of --before"),
    new Option(
      "--user-id <id>",
      "who creates the conductor's backups; may be repeated (default: conductor.user_ids and the writer's user)",
    ).argParser(collect),
    new Option(
      "--pruned <id>",
      "a volume or backup that was pruned on purpose since, or a backup that was disowned; may be repeated; a held backup counts only by its own id",
    ).argParser(collect),
    new Option(
      "--released <id>",
      "a snapshot that its owner released since, or a volume for all of its snapshots; may be repeated; held ones are never covered",
    ).argParser(collect),
    new Option(
      "--adopted <id>",
      "a backup or snapshot of others that was adopted: ours once it is marked; may be repeated",
    ).argParser(collect),
    new Option(
      "--around-run",
      "nothing but one run of the conductor lies between the listings: what is not its own must be as it was",
    ),
  ],
  printsData: true,
  async run({ options }, context) {
    const settings = context.settings();
    const { pageSize, concurrency } = settings.openstack;
    const report = await runAudit({
      cloud: loadConnection("reader", settings, context.environment),
      rules: await rulesOf(options, context),
      now: () => context.clock.now(),
      signal: context.signals.cut,
      pageSize,
      concurrency,
      ...(options.before !== undefined && { before: { file: options.before } }),
      ...(options.save !== undefined && { saveFile: options.save }),
    });
    context.output.data(reportValue(report), () => describeFindings(report.findings));
    const { backups, snapshots, volumes } = report.listing;
    const seen = `${backups.length} backups, ${snapshots.length} snapshots, ${volumes.length} volumes`;
    context.output.note(`${report.passed ? "Passed" : "Failed"}: ${count(report.findings)} in ${seen}.`);
    if (report.notSaved !== undefined) context.output.note(`The listing was not saved: ${report.notSaved}.`);
    return report.passed ? exit.ok : exit.failed;
  },
};

async function rulesOf(options: Options, context: Context): Promise<AuditOptions> {
  const { conductor, rotation } = context.settings();
  return {
    userIds: options.userId ?? [...conductor.userIds, await writerId(context)],
    permittedPrunes: options.pruned ?? [],
    permittedReleases: options.released ?? [],
    adopted: options.adopted ?? [],
    strictForeign: options.aroundRun === true,
    brakeOverrides: rotation.brakeOverrides,
  };
}

const writerId = (context: Context): Promise<string> =>
  findUserId(loadConnection("writer", context.settings(), context.environment), context.signals.cut);

const reportValue = ({ passed, findings, listing, notSaved }: AuditReport): object => ({
  passed,
  startedAt: listing.startedAt,
  endedAt: listing.endedAt,
  rights: listing.rights,
  backups: listing.backups.length,
  snapshots: listing.snapshots.length,
  volumes: listing.volumes.length,
  notSaved: notSaved ?? null,
  findings: findings.map((each) => ({
    code: each.code,
    severity: each.severity,
    projectId: each.projectId ?? null,
    volumeId: each.volumeId ?? null,
    backupIds: each.backupIds,
    text: each.text,
  })),
});

function count(findings: readonly Finding[]): string {
  const of = (severity: Finding["severity"]) => findings.filter((each) => each.severity === severity).length;
  return `failures ${of("failure")}, warnings ${of("warning")}, information ${of("information")}`;
}

const describeFindings = (findings: readonly Finding[]): string =>
  findings.length === 0
    ? ""
    : table(findings, [
        { title: "SEVERITY", value: ({ severity }) => severity },
        { title: "CODE", value: ({ code }) => code },
        { title: "PROJECT", value: ({ projectId }) => projectId ?? "" },
        { title: "FINDING", value: ({ text }) => text },
      ]);
