import { resolve } from "node:path";
import { Option } from "commander";
import type { Command, Context } from "../command.ts";
import type { PolicyExamination } from "../doctor/policy-findings.ts";
import type { PolicyTrial } from "../doctor/policy-trial.ts";
import { describeFindings, exitOfFindings } from "../doctor/show.ts";
import { exit, UsageError } from "../exit-codes.ts";

interface Options {
  readonly member?: string;
  readonly admin?: string;
  readonly cinderConf?: string;
  readonly hook?: string;
  readonly volumeType?: string;
}

export const doctorPolicyCommand: Command<Options> = {
  path: "doctor policy",
  summary: "check that Cinder asks the policy hook, by trying",
  description:
    "Tries on a live cloud whether a member can delete or change automated backups and snapshots (--member), reads Cinder's policy files " +
    "(--cinder-conf), and asks the hook (--hook, or where the files say). Each may be given alone. The trial makes a volume of 1 GiB in the member's " +
    "project, with snapshots and backups by the member and by the writer, and removes all of it. Exit status 1 when something failed, 12 when a " +
    "credential was not accepted; warnings do not count.",
  options: [
    new Option("--member <cloud>", "cloud in clouds.yaml: a user with the role member in a project to try things in"),
    new Option("--admin <cloud>", "cloud in clouds.yaml: an admin; tries what admins may do, too"),
    new Option("--cinder-conf <file>", "cinder.conf, on a host of cinder-api"),
    new Option("--hook <url>", "an address of the hook as in Cinder's rules, e.g. http://127.0.0.1:8808/v1/backup"),
    new Option("--volume-type <type>", "of the volume to try with (default: Cinder's default)"),
  ],
  printsData: true,
  async run({ options }, context) {
    const { member, admin, cinderConf, hook } = options;
    if (member === undefined && cinderConf === undefined && hook === undefined) {
      throw new UsageError("nothing to check: give --member, --cinder-conf or --hook");
    }
    if (admin !== undefined && member === undefined) throw new UsageError("--admin goes with --member");
    if (hook !== undefined && !/^https?:\/\//.test(hook)) throw new UsageError("--hook is no http or https address");
    const { policyFindings } = await import("../doctor/policy-findings.ts");
    const examination = await examine(options, context);
    const found = policyFindings(examination);
    describeFindings(found, context.output);
    return context.signals.cut.aborted ? exit.interrupted : exitOfFindings(found);
  },
};

async function examine(options: Options, context: Context): Promise<PolicyExamination> {
  const { readCinderPolicy } = await import("../doctor/cinder-policy.ts");
  const { addresses } = await import("../doctor/policy-findings.ts");
  const { askHook } = await import("../doctor/ask-hook.ts");
  const { files, workingDirectory } = context.environment;
  const read = (path: string | null): string | null => (path === null ? null : (files.read(path)?.text ?? null));
  const policy =
    options.cinderConf === undefined ? null : readCinderPolicy(resolve(workingDirectory, options.cinderConf), files);
  const tried = options.member === undefined ? null : await tryLive(options.member, options, context);

  context.output.progress("asking the hook");
  const named = options.hook === undefined ? [] : [options.hook];
  const conductorId = tried?.writerId ?? context.settings().policyHook.conductorUserIds[0] ?? null;
  const connection = {
    ca: read(policy?.caFile ?? null),
    certificate: read(policy?.clientCertificateFile ?? null),
    key: read(policy?.clientKeyFile ?? null),
  };
  const urls = [...new Set([...addresses({ policy, hook: [] }), ...named])].filter(
    (url) => !url.includes("/v1/volume"),
  );
  const hook = [];
  for (const url of urls) hook.push(await askHook(url, { conductorId, connection, io: context.io }));
  context.output.progress(null);
  return { trial: tried?.trial ?? null, adminTried: options.admin !== undefined, policy, hook };
}

/** @throws ConfigError, AuthenticationFailed, NoProjectAccess, CloudError before anything is made */
async function tryLive(
  memberCloud: string,
  { admin: adminCloud, volumeType }: Options,
  context: Context,
): Promise<{ readonly trial: PolicyTrial; readonly writerId: string }> {
  const { openActor } = await import("../../openstack/actor.ts");
  const { loadConnection, loadNamedConnection } = await import("../../config/connections.ts");
  const { tryPolicy } = await import("../doctor/policy-trial.ts");
  const { clock, io, random, environment } = context;
  const settings = context.settings();
  const signal = context.signals.cut;
  const deps = { clock, io, random, log: context.log() };
  const named = (cloud: string, origin: string) =>
    openActor(loadNamedConnection({ cloud, origin, settings, environment }), deps);
  const actors = [
    await named(memberCloud, "--member"),
    await openActor(loadConnection("writer", settings, environment), deps),
    ...(adminCloud === undefined ? [] : [await named(adminCloud, "--admin")]),
  ] as const;
  const [member, anyWriter, admin = null] = actors;
  try {
    context.output.progress("logging in");
    const { projectId, userId } = await member.whoAmI(signal);
    if (projectId === null) throw new UsageError(`--member: the credential of ${memberCloud} names no project`);
    const writer = anyWriter.inProject(projectId);
    const { userId: writerId } = await writer.whoAmI(signal);
    if (writerId === userId) throw new UsageError("--member names the writer itself; name a user as your tenants are");
    if (admin !== null) await admin.whoAmI(signal);
    const trial = await tryPolicy(
      { member, writer, admin },
      {
        projectId,
        id: context.newId().slice(0, 8),
        volumeType: volumeType ?? null,
        clock,
        signal,
        progress: (text) => context.output.progress(text),
      },
    );
    return { trial, writerId };
  } finally {
    for (const actor of actors) actor.close();
  }
}
