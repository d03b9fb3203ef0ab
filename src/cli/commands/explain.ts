import { Argument } from "commander";
import { explainGoneVolume, explainVolumes, type Explanation } from "../../conductor/explain.ts";
import { scanInventory, type Inventory } from "../../conductor/scan.ts";
import { describeRetention } from "../../domain/describe-policy.ts";
import { describeMatch } from "../../domain/describe-match.ts";
import { describeSchedule } from "../../domain/schedule.ts";
import type { Command } from "../command.ts";
import { removalValue } from "../describe-removal.ts";
import { exit } from "../exit-codes.ts";
import { describeExplanation, kindOf, nothingToExplain } from "../explain/words.ts";
import { findTarget, volumesOfTarget, type Target } from "../find-target.ts";
import { openConductor } from "../open-conductor.ts";

export const explainCommand: Command = {
  path: "explain",
  summary: "say what protects a volume or server, when, and what is kept of it until when and why",
  description:
    "Says which policies protect a volume and where each comes from, what rules and exclusions say, what its owner asks for and when that counts, how it stands with the current slots, when the next ones begin, " +
    "and of every restore point that exists until when it is kept and why, why the next rotation deletes it, or what holds its deletion back. " +
    "A server is explained volume by volume; of a volume that is gone, named by its id, what is left of it. Lists the cloud and writes nothing anywhere; may run beside the conductor.",
  arguments: [
    new Argument("<server|volume>", "id or name of a server or volume of any project, or id of a volume that is gone"),
  ],
  printsData: true,
  async run({ arguments: [text = ""] }, context) {
    const opened = await openConductor(context, "look");
    try {
      const { cut } = context.signals;
      const inventory = await scanInventory(opened.conductor, cut);
      const how = { timeZone: context.settings().conductor.timeZone, now: context.clock.now() };
      if (mayBeGone(inventory, text)) {
        const gone = await explainGoneVolume(opened.conductor, inventory, text, cut);
        if (gone !== null) {
          const { volumeId: id, project } = gone;
          const value = {
            kind: "volume",
            id,
            name: null,
            projectId: project.id,
            missing: [id],
            volumes: [valueOf(gone)],
          };
          context.output.data(value, () => describeExplanation(gone, how));
          return exit.ok;
        }
      }
      const target = findTarget(inventory, text);
      const { selection } = context.settings();
      const { volumeIds } = volumesOfTarget(target, inventory, { selection, force: true });
      const explained = [...(await explainVolumes(opened.conductor, inventory, volumeIds, cut))];
      const missing = volumeIds.filter((id) => !inventory.volumes.has(id));
      const lost: string[] = [];
      for (const id of missing) {
        const gone = await explainGoneVolume(opened.conductor, inventory, id, cut);
        if (gone === null) lost.push(id);
        else explained.push(gone);
      }
      context.output.data({ ...targetValue(target), missing, volumes: explained.map(valueOf) }, () =>
        [
          ...(explained.length + missing.length === 0 ? [nothingToExplain] : []),
          ...explained.map((each) => describeExplanation(each, how)),
          ...lost.map((id) => `VOLUME ${id}\n  attached to the server, and not in Cinder's listing\n`),
        ].join("\n"),
      );
      return exit.ok;
    } finally {
      await opened.close();
    }
  },
};

/** Names are not known of what is gone. */
const mayBeGone = ({ servers, volumes }: Inventory, text: string): boolean =>
  idPattern.test(text) && !volumes.has(text) && !servers.some(({ id, name }) => id === text || name === text);

const idPattern = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

const targetValue = (target: Target): object => {
  const { id, name, projectId } = target.kind === "server" ? target.server : target.volume;
  return { kind: target.kind, id, name, projectId };
};

/** The keys that are always there. */
const noCompliance = { since: null, until: null, lacking: null, reason: null, pointId: null };

const valueOf = (explained: Explanation): object => {
  const { volume, volumeId, project, servers, excluded, exclusion, rules, protections, notices } = explained;
  const { points, others, blocked, braked, rotationEnabled, prune } = explained;
  return {
    volume: {
      id: volumeId,
      name: volume?.name ?? null,
      status: volume?.status ?? "gone",
      sizeGiB: volume?.sizeGiB ?? null,
    },
    project: { id: project.id, name: project.name },
    servers: servers.map(({ id, name, projectId }) => ({ id, name, projectId })),
    releasedAt: explained.releasedAt,
    excluded: excluded === null ? null : { by: excluded, until: exclusion?.until ?? null },
    rules: rules.map(({ rule, matched, lookedAt }) => ({
      name: rule.name,
      priority: rule.priority,
      match: describeMatch(rule.match),
      effect: rule.effect.kind,
      policies: rule.effect.kind === "attach" ? rule.effect.policies : [],
      lookedAt,
      matched,
    })),
    policies: protections.map(({ policy, server, source, tracks, nextSlots }) => ({
      policy: policy.name,
      source,
      serverId: server?.id ?? null,
      schedule: describeSchedule(policy.schedule),
      timeZone: policy.timeZone,
      keeps: describeRetention(policy),
      minimumRetentionMs: policy.minimumRetentionMs,
      current: tracks.map(({ mechanism, slot, now, compliance }) => ({
        mechanism,
        slot: slot?.id ?? null,
        windowEndsAt: slot?.windowEndsAt ?? null,
        state: now.state,
        pointId: "pointId" in now ? now.pointId : "job" in now ? now.job.backupId : null,
        reason: "reason" in now ? now.reason : "job" in now ? (now.job?.reason ?? null) : null,
        message: "message" in now ? now.message : "job" in now ? (now.job?.message ?? null) : null,
        mode: "job" in now ? (now.job?.mode ?? null) : null,
        compliance: { ...noCompliance, ...compliance },
      })),
      nextSlots,
    })),
    notices,
    rotationEnabled,
    blocked,
    braked,
    prune: prune === null ? null : removalValue(prune),
    points: points.map(({ point, action, reason, because, keptUntil, duplicateOf, wouldGo }) => ({
      id: point.backup.id,
      mechanism: point.backup.mechanism,
      kind: kindOf(point),
      projectId: point.projectId,
      policy: point.marks.policy ?? point.entry?.policy ?? null,
      slot: point.marks.slot ?? point.entry?.slot ?? null,
      createdAt: point.backup.createdAt,
      status: point.backup.status,
      good: point.good,
      held: point.marks.held || point.entry?.held === true,
      adopted: point.marks.adopted,
      duplicateOf,
      action,
      reason,
      because,
      wouldGo,
      promisedUntil: point.marks.keepUntil,
      keptUntil,
    })),
    others: others.map(({ backup, kind }) => ({
      id: backup.id,
      mechanism: backup.mechanism,
      kind,
      projectId: backup.projectId,
      createdAt: backup.createdAt,
      status: backup.status,
    })),
  };
};
