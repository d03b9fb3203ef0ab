import type { CatalogueEntry, Operation } from "../../domain/catalogue.ts";
import { readPoints, type Point } from "../../domain/points.ts";
import { operatorText } from "../../domain/reasons.ts";
import type { Conductor } from "../../conductor/context.ts";
import { childrenOf, findPoint, listPoints } from "../../conductor/mechanism.ts";
import { ourUserIds } from "../../conductor/scan.ts";
import { backupIds, backupIdArgument } from "../backup-ids.ts";
import type { Command } from "../command.ts";
import { CommandError, exit } from "../exit-codes.ts";
import { modeOf } from "./backups-list.ts";
import { escapeText } from "../../domain/escape.ts";
import { openConductor } from "../open-conductor.ts";
import { table } from "../output.ts";

interface Shown {
  readonly point: Point;
  readonly chain: readonly Point[];
  readonly children: readonly string[];
  /** Made from it, when it is a snapshot. */
  readonly volumes: readonly string[];
  readonly operations: readonly Operation[];
}

export const backupsShow: Command = {
  path: "backups show",
  summary: "show all that is known of one backup or snapshot",
  description:
    "Shows what Cinder has of a backup or snapshot now, what its marks and the database say of it, the chain it is in, what is built on it, and what was done to it and why. Changes nothing.",
  arguments: [backupIdArgument],
  printsData: true,
  async run({ arguments: given }, context) {
    const [id = ""] = backupIds(given);
    const opened = await openConductor(context, "look");
    try {
      const shown = await find(opened.conductor, id, context.signals.cut);
      context.output.data(value(shown), () => describe(shown));
      return exit.ok;
    } finally {
      await opened.close();
    }
  },
};

async function find(conductor: Conductor, id: string, signal: AbortSignal): Promise<Shown> {
  const { reader, repository } = conductor;
  const backup = await findPoint(reader, id, signal);
  if (backup === null) {
    throw new CommandError(
      exit.failed,
      `there is no backup or snapshot ${id}; \`dirigent backups list --all\` shows those there are`,
    );
  }
  const projectId = backup.projectId ?? "";
  const entries = await repository.catalogue({ projectId, includeGone: true });
  const catalogue = new Map<string, CatalogueEntry>(entries.map((entry) => [entry.backupId, entry]));
  const backups = await Array.fromAsync(listPoints(reader, backup.mechanism, { volumeId: backup.volumeId }, signal));
  const children = await childrenOf(reader, backup, signal);
  const volumes = backup.mechanism === "snapshot" ? await reader.volumesOf(id, signal) : [];
  const volume = readPoints({
    backups,
    catalogue,
    userIds: await ourUserIds(conductor, signal),
    children: new Map([[id, children]]),
  }).get(backup.volumeId);
  const point = [...(volume?.points ?? []), ...(volume?.others ?? [])].find((each) => each.backup.id === id);
  if (point === undefined) throw new CommandError(exit.failed, `${id} went while it was looked at; try again`);
  return {
    point,
    chain: volume?.chains.find(({ members }) => members.includes(point))?.members ?? [],
    children,
    volumes,
    operations: (await repository.operations({ projectId })).filter((row) => row.backupId === id),
  };
}

const value = ({ point, chain, children, volumes, operations }: Shown): object => {
  const { backup, marks, entry } = point;
  return {
    id: backup.id,
    mechanism: backup.mechanism,
    name: backup.name,
    kind: point.kind,
    good: point.good,
    status: backup.status,
    failReason: backup.failReason,
    mode: backup.isIncremental ? "incremental" : "full",
    projectId: point.projectId,
    volumeId: backup.volumeId,
    serverId: marks.serverId,
    policy: marks.policy,
    slot: marks.slot,
    set: marks.set,
    verdict: marks.verdict,
    sizeGiB: backup.sizeGiB,
    createdAt: backup.createdAt,
    keepUntil: marks.keepUntil,
    held: marks.held || entry?.held === true,
    hold: backup.metadata["dirigent:hold"] ?? null,
    container: backup.container,
    parentId: point.parentId,
    parentVerified: point.parentVerified,
    children,
    volumes,
    chain: chain.map((member) => ({ id: member.backup.id, createdAt: member.backup.createdAt, good: member.good })),
    metadata: backup.metadata,
    catalogue: entry,
    operations: operations.map(({ at, kind, reason, message, requestId, runId }) => ({
      at,
      kind,
      reason,
      message,
      requestId,
      runId,
    })),
  };
};

function describe({ point, chain, children, volumes, operations }: Shown): string {
  const { backup, marks, entry } = point;
  const held = backup.metadata["dirigent:hold"] ?? (entry?.held === true ? "in the database only" : null);
  const facts: readonly (readonly [string, string | null])[] = [
    ["id", backup.id],
    ["name", backup.name],
    ["kind", point.kind],
    ["good", point.good ? "yes" : "no"],
    ["status", backup.failReason === null ? backup.status : `${backup.status}: ${backup.failReason}`],
    ["mechanism", backup.mechanism],
    ["mode", modeOf(backup)],
    ["size", `${backup.sizeGiB} GiB`],
    ["project", point.projectId],
    ["volume", backup.volumeId],
    ["server", marks.serverId],
    ["created", backup.createdAt.toISOString()],
    ["policy", marks.policy],
    ["slot", marks.slot],
    ["keep until", marks.keepUntil?.toISOString() ?? null],
    ["held", held],
    ["verdict", marks.verdict],
    ["container", backup.container],
    ["parent", point.parentId === null ? null : `${point.parentId}${point.parentVerified ? "" : " (expected)"}`],
    ["children", children.length === 0 ? null : children.join(", ")],
    ["volumes", volumes.length === 0 ? null : volumes.join(", ")],
  ];
  const lines = facts.flatMap(([name, text]) =>
    text === null ? [] : [`${name.padEnd(11)} ${escapeText(text)}`.trimEnd() + "\n"],
  );
  const members = table(chain, [
    { title: "  BACKUP", value: (member) => `  ${member.backup.id}` },
    { title: "CREATED", value: (member) => member.backup.createdAt.toISOString() },
    { title: "MODE", value: (member) => (member.backup.isIncremental ? "incremental" : "full") },
    { title: "GOOD", value: ({ good }) => (good ? "yes" : "no") },
  ]);
  const history = table(operations, [
    { title: "  AT", value: ({ at }) => `  ${at.toISOString()}` },
    { title: "WHAT", value: ({ kind }) => kind },
    {
      title: "BECAUSE",
      value: ({ reason, message }) => operatorText(reason) + (message === null ? "" : `: ${message}`),
    },
  ]);
  return [
    ...lines,
    chain.length > 1 ? `Its chain, oldest first:\n${members}` : "",
    operations.length > 0 ? `What was done to it:\n${history}` : "",
  ].join("");
}
