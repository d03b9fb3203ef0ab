import type { Adoption, AdoptionPlan } from "../../domain/adoption.ts";
import type { Backup } from "../../domain/inventory.ts";
import { isManualSlot } from "../../domain/orders.ts";
import { describeReason } from "../place-order.ts";
import { wrapped } from "../wrapped.ts";

/** What would be adopted, as `--json` shows it. @param missing ids of which there is nothing */
export const adoptionValue = ({ adoptions, refusals }: AdoptionPlan, missing: readonly string[]) => ({
  written: false,
  adopt: adoptions.map(({ keepUntil, parentId, peer, point, policy, retention, slot }) => ({
    id: point.id,
    mechanism: point.mechanism,
    volumeId: point.volumeId,
    projectId: point.projectId,
    createdAt: point.createdAt,
    createdBy: point.userId,
    parentId,
    peer,
    policy,
    slot,
    keepUntil,
    retention,
  })),
  refused: refusedOf({ refusals }, missing),
});

const refusedOf = ({ refusals }: Pick<AdoptionPlan, "refusals">, missing: readonly string[]) => [
  ...refusals.map(({ point, reason, message }) => ({ id: point.id, mechanism: point.mechanism, reason, message })),
  ...missing.map((id) => ({ id, mechanism: null, reason: "no_such_point" as const, message: null })),
];

/** The same for people: volume by volume. */
export function describeAdoption(plan: AdoptionPlan, missing: readonly string[]): string {
  const { adoptions } = plan;
  const parts: string[] = [];
  for (const [volumeId, ofVolume] of Map.groupBy(adoptions, ({ point }) => point.volumeId)) {
    parts.push(`Volume ${volumeId} of project ${ofVolume[0]?.point.projectId ?? "unknown"}\n`);
    for (const adoption of ofVolume) parts.push(...adoptionPart(adoption));
  }
  const refused = refusedOf(plan, missing);
  if (refused.length > 0) parts.push(`${parts.length === 0 ? "" : "\n"}Not adopted: ${refused.length}\n`);
  for (const each of refused) parts.push(`  ${each.id}\n`, wrapped("    ", describeReason(each)));
  const note = adoptions.length === 0 ? "" : "; nothing is written without --yes";
  parts.push(`${parts.length === 0 ? "" : "\n"}${adoptions.length} would be adopted${note}.\n`);
  return parts.join("");
}

function adoptionPart({ keepUntil, parentId, peer, point, policy, retention, slot }: Adoption): string[] {
  const terms = [
    ...(keepUntil === null ? [] : [`until ${keepUntil.toISOString()}`]),
    ...(retention === null ? [] : [retention]),
  ];
  const kept = terms.length === 0 ? "until a retention is set" : terms.join(" and by ");
  const by = `made by user ${point.userId ?? "unknown"}${peer === null ? "" : ` as ${peerNames[peer]} does`}`;
  return [
    `  ${point.createdAt.toISOString()}  ${kindOf(point).padEnd(11)}  ${point.id}\n`,
    wrapped("    ", by),
    ...(parentId === null ? [] : [`    built on ${parentId}\n`]),
    wrapped("    ", `policy ${policy}, ${isManualSlot(slot) ? "no slot" : `slot ${slot}`}; kept ${kept}`),
  ];
}

const peerNames = {
  snapsentry: "SnapSentry",
  platform9: "Platform9",
  staffeln: "Staffeln",
} as const satisfies Record<NonNullable<Adoption["peer"]>, string>;

const kindOf = ({ isIncremental, mechanism }: Backup): string =>
  mechanism === "snapshot" ? "snapshot" : isIncremental ? "incremental" : "full";
