import type { OverrideSeen } from "./catalogue.ts";
import { compareText } from "./compare.ts";
import { exclusionOf } from "./exclusions.ts";
import { holdRetention, type Keeps } from "./held-retention.ts";
import type { Server, Volume } from "./inventory.ts";
import type { SubjectProject } from "./match.ts";
import { indexSeen, type Asking, type Notice } from "./overrides.ts";
import { readPlatform9 } from "./peers/platform9.ts";
import { newSnapSentryCache, readSnapSentry, type SnapSentryCache } from "./peers/snapsentry.ts";
import type { PolicyBook } from "./policy-book.ts";
import { noPolicyRequest, readPolicyRequest, type PolicyRequest } from "./policy-requests.ts";
import { PolicyVariants } from "./policy-variants.ts";
import type { Policy, Selection } from "./policy.ts";
import { assignByRules, type RuleAssignment } from "./rules.ts";
import { indexByServer, isTagged, volumesOf } from "./selection.ts";
import type { Target } from "./tracks.ts";

/** Who is protected by what: tag, rules, exclusions and what tenants ask for, over a whole cloud. Pure. */

export interface AssignmentInput {
  readonly now: Date;
  readonly servers: readonly Server[];
  readonly volumes: ReadonlyMap<string, Volume>;
  /** By id; one that is missing has no name, domain or tags. */
  readonly projects: ReadonlyMap<string, SubjectProject>;
  readonly selection: Selection;
  readonly book: PolicyBook;
  /** The policy of tagged servers. */
  readonly builtIn: Policy;
  readonly overridesSeen: readonly OverrideSeen[];
  /** False while we write Platform9's keys ourselves: they are never read back as truth. */
  readonly readsPlatform9: boolean;
}

/** Where a policy of a volume comes from. */
export type Source =
  | { readonly kind: "tag"; readonly serverId: string }
  | { readonly kind: "rule"; readonly rule: string }
  /** Metadata of a server or volume. */
  | { readonly kind: "request"; readonly resourceId: string; readonly key: string };

export interface Protection {
  readonly policy: Policy;
  /** The server whose set it belongs to. */
  readonly server: Server | null;
  readonly source: Source;
}

/** What the rules say of a volume with one server. */
export interface Ruled {
  readonly server: Server | null;
  readonly said: RuleAssignment;
}

/** What is said of one volume. */
export interface VolumeAssignment {
  /** Each policy once, with the first that asked for it. */
  readonly protections: readonly Protection[];
  /** Why operators have left it out, in words; `null` when they have not. */
  readonly excluded: string | null;
  /** What the rules say of it with each of its servers; empty where there are no rules. */
  readonly ruled: readonly Ruled[];
  readonly notices: readonly Notice[];
  readonly seen: readonly OverrideSeen[];
}

export interface Assignment {
  /** What each policy protects; see {@link import("./tracks.ts").tracksOf}. */
  readonly targets: ReadonlyMap<Policy, readonly Target[]>;
  /** Volumes that a tag or a tenant wants protected and operators leave out: the reason in words, by id. */
  readonly excluded: ReadonlyMap<string, string>;
  readonly notices: readonly Notice[];
  readonly overridesSeen: readonly OverrideSeen[];
}

/** What the look at one volume needs beside it, made once for a cloud. */
interface Context extends AssignmentInput {
  readonly serversOf: ReadonlyMap<string, readonly Server[]>;
  /** Ids of servers with volumes that are listed. */
  readonly hasVolumes: ReadonlySet<string>;
  readonly seen: ReadonlyMap<string, readonly OverrideSeen[]>;
  readonly cache: SnapSentryCache;
  readonly variants: PolicyVariants;
  readonly serverRequests: Map<string, PolicyRequest>;
}

export function contextOf(input: AssignmentInput): Context {
  const byServer = indexByServer(input.volumes.values());
  const serversOf = new Map<string, Server[]>();
  const hasVolumes = new Set<string>();
  const unique = new Map(input.servers.map((server) => [server.id, server]));
  for (const server of [...unique.values()].sort((a, b) => compareText(a.id, b.id))) {
    for (const id of volumesOf(server, byServer)) {
      if (input.volumes.has(id)) hasVolumes.add(server.id);
      const others = serversOf.get(id);
      if (others === undefined) serversOf.set(id, [server]);
      else others.push(server);
    }
  }
  return {
    ...input,
    servers: [...unique.values()],
    serversOf,
    hasVolumes,
    seen: indexSeen(input.overridesSeen),
    cache: newSnapSentryCache(),
    variants: new PolicyVariants([input.builtIn, ...input.book.policies.values()]),
    serverRequests: new Map(),
  };
}

/** Says of every volume what protects it. */
export function assignPolicies(input: AssignmentInput): Assignment {
  const context = contextOf(input);
  const { builtIn, selection } = context;
  const collected = new Collected();
  const excluded = new Map<string, string>();
  const notices: Notice[] = [];
  const seen: OverrideSeen[] = [];
  // Also those that protect nothing any more: that is to be told.
  collected.touch(builtIn);
  for (const policy of attached(context.book)) collected.touch(policy);
  for (const server of context.servers) {
    if (!isTagged(server, selection)) continue;
    if (!context.hasVolumes.has(server.id)) collected.addServer(builtIn, server);
    // Attached by what Nova says, and not in Cinder's listing: that is to be told.
    for (const id of server.volumeIds) if (!context.volumes.has(id)) collected.add(builtIn, server, id);
  }
  for (const volume of context.volumes.values()) {
    const assigned = assignVolume(volume, context);
    notices.push(...assigned.notices);
    seen.push(...assigned.seen);
    if (assigned.excluded !== null) {
      if (isWanted(volume, context)) excluded.set(volume.id, assigned.excluded);
      continue;
    }
    for (const { policy, server, source } of assigned.protections) {
      // A volume of several servers is looked at with each: the planner takes it once, and says so of the others.
      const servers = source.kind === "tag" ? taggedServersOf(volume, context) : [server];
      for (const each of servers) collected.add(policy, each, volume.id);
    }
  }
  for (const request of context.serverRequests.values()) {
    notices.push(...request.notices);
    seen.push(...request.seen);
  }
  return { targets: collected.targets(), excluded, notices, overridesSeen: seen };
}

const attached = ({ policies, rules }: PolicyBook): readonly Policy[] =>
  rules.flatMap(({ effect }) =>
    effect.kind === "attach" ? effect.policies.flatMap((name) => policies.get(name) ?? []) : [],
  );

/** What is said of one volume. */
export function assignVolume(volume: Volume, context: Context): VolumeAssignment {
  const { book, now, selection } = context;
  const servers = context.serversOf.get(volume.id) ?? [];
  const own = servers.filter((server) => server.projectId === volume.projectId);
  const subjects: readonly (Server | null)[] = own.length > 0 ? own : [null];
  const ruled =
    book.rules.length === 0 ? [] : subjects.map((server) => ({ server, said: ruleFor(volume, server, context) }));
  const excluded = whyExcluded(
    volume,
    servers,
    ruled.map(({ said }) => said),
    context,
  );
  if (excluded !== null) return { protections: [], excluded, ruled, notices: [], seen: [] };

  const tagged = own.find((server) => isTagged(server, selection));
  const base: Protection[] = tagged === undefined ? [] : [byTag(tagged, context)];
  for (const { server, said } of ruled) base.push(...byRules(said, server, context));
  // A tag in another project protects nothing, which is told; so whatever else asks for the policy goes before it.
  const foreign = tagged === undefined ? taggedServersOf(volume, context).slice(0, 1) : [];

  const server = tagged ?? own[0] ?? null;
  const request = readPolicyRequest(volume, { ...context, now, policies: book.policies });
  const ofServer = server === null ? noPolicyRequest : serverRequest(server, context);
  const asked = (resource: Asking | null, { policies }: PolicyRequest): Protection[] =>
    (policies ?? []).map((policy) => ({
      policy,
      server,
      source: { kind: "request", resourceId: resource?.id ?? "", key: selection.policyKey },
    }));
  // The volume's own word takes from its server's only when it is firm.
  const requested = [...asked(volume, request), ...(request.firm ? [] : asked(server, ofServer))];
  const isReplaced = request.firm || ofServer.firm;
  const peers = peerRequests(volume, server, context);
  return {
    protections: eachOnce([
      ...(isReplaced ? [] : base),
      ...requested,
      ...peers.protections,
      ...(isReplaced ? [] : foreign.map((each) => byTag(each, context))),
    ]),
    excluded: null,
    ruled,
    notices: [...request.notices, ...peers.notices],
    seen: [...request.seen, ...peers.seen],
  };
}

const taggedServersOf = (volume: Volume, { selection, serversOf }: Context): Server[] =>
  (serversOf.get(volume.id) ?? []).filter((server) => isTagged(server, selection));

const byTag = (server: Server, { builtIn }: Context): Protection => ({
  policy: builtIn,
  server,
  source: { kind: "tag", serverId: server.id },
});

function ruleFor(volume: Volume, server: Server | null, { book, projects }: Context): RuleAssignment {
  const project = projects.get(volume.projectId) ?? {
    id: volume.projectId,
    name: null,
    domainId: null,
    domainName: null,
    tags: [],
  };
  return assignByRules(book.rules, { volume, server, project });
}

/** A volume of several servers is left out by a rule only when it is with each of them. */
function whyExcluded(
  { id, projectId }: Volume,
  servers: readonly Server[],
  ruled: readonly RuleAssignment[],
  { book, now }: Context,
): string | null {
  const exclusion = exclusionOf(book.exclusions, { volumeId: id, serverIds: servers.map((s) => s.id), projectId }, now);
  if (exclusion !== null) return `${exclusion.scope} ${exclusion.id}: ${exclusion.reason}`;
  const [first] = ruled;
  return first !== undefined && ruled.every(({ excludedBy }) => excludedBy !== null)
    ? `rule ${first.excludedBy ?? ""}`
    : null;
}

function byRules(said: RuleAssignment, server: Server | null, { book, variants }: Context): Protection[] {
  return said.policies.flatMap(({ policy: name, rule }) => {
    const policy = book.policies.get(name);
    if (policy === undefined) return [];
    const ruled = said.retention.get(name);
    return {
      policy: ruled === undefined ? policy : variants.overridden(policy, ruled.override),
      server,
      source: { kind: "rule" as const, rule },
    };
  });
}

/** Read once for a server, whose volumes all ask for the same. */
function serverRequest(server: Server, context: Context): PolicyRequest {
  const known = context.serverRequests.get(server.id);
  if (known !== undefined) return known;
  const read = readPolicyRequest(server, { ...context, policies: context.book.policies });
  context.serverRequests.set(server.id, read);
  return read;
}

/** What SnapSentry's and Platform9's keys on the volume add. */
function peerRequests(
  volume: Volume,
  server: Server | null,
  context: Context,
): Pick<VolumeAssignment, "protections" | "notices" | "seen"> {
  const snapSentry = readSnapSentry(volume, context.cache);
  const platform9 = context.readsPlatform9 ? readPlatform9(volume.metadata) : null;
  const unknown = platform9?.policies.filter((name) => !context.book.policies.has(name)) ?? [];
  const problems = [
    ...snapSentry.problems,
    ...(platform9?.problems ?? []),
    ...unknown.map((name) => `snapshot_policies: there is no policy ${name}`),
  ];
  const asked: PeerAsking[] = [
    ...snapSentry.policies.map((policy) => ({
      policy,
      key: snapSentryKey,
      keeps: { retentionMs: policy.retentionMs, last: policy.thinning?.last ?? 0 },
    })),
    ...(platform9?.policies ?? []).flatMap((name) => {
      const policy = context.book.policies.get(name);
      const last = platform9?.counts.get(name);
      return policy === undefined
        ? []
        : { policy, key: platform9Key, keeps: last === undefined ? null : { retentionMs: 0, last } };
    }),
  ];
  const held = hold(volume, asked, context);
  const protections = held.policies.map(({ policy, key }): Protection => ({
    policy,
    server,
    source: { kind: "request", resourceId: volume.id, key },
  }));
  const { rows, ended } = follow(volume, protections, context);
  const invalid = problems.map((message) => noticeOf(volume, "request_invalid", message));
  return { protections, notices: [...invalid, ...held.notices, ...ended], seen: [...rows, ...held.seen] };
}

/** A policy that a peer's keys ask for, and how much of it they ask to keep. */
interface PeerAsking {
  readonly policy: Policy;
  readonly key: string;
  /** `null`: as much as the policy itself keeps. */
  readonly keeps: Keeps | null;
}

/** As much as has been asked for, until less has been asked for long enough. */
function hold(
  volume: Asking,
  asked: readonly PeerAsking[],
  { now, seen, selection, variants }: Context,
): { policies: { policy: Policy; key: string }[]; notices: Notice[]; seen: OverrideSeen[] } {
  const known = Map.groupBy(
    (seen.get(volume.id) ?? []).filter(({ key }) => key.startsWith(keepsPrefix)),
    ({ key }) => key,
  );
  const follow = (key: string, keeps: Keeps | null): ReturnType<typeof holdRetention> =>
    holdRetention(keeps, {
      resourceId: volume.id,
      key,
      known: known.get(key) ?? [],
      now,
      overrideDelayMs: selection.overrideDelayMs,
    });
  const notices: Notice[] = [];
  const rows: OverrideSeen[] = [];
  const policies = asked.map(({ policy: own, key, keeps }) => {
    const rowKey = keepsKey(key, own.name);
    const held = follow(rowKey, keeps);
    known.delete(rowKey);
    rows.push(...held.seen);
    const policy = variants.keeping(own, held.keeps);
    if (policy !== variants.keeping(own, keeps)) {
      const text = `less for ${own.name} counts from ${held.firmFrom.toISOString()}`;
      notices.push(noticeOf(volume, "request_waits", `${key}: ${text}`));
    }
    return { policy, key };
  });
  // Asked for no more: remembered for a while.
  for (const key of known.keys()) rows.push(...follow(key, null).seen);
  return { policies, notices, seen: rows };
}

const keepsPrefix = "keeps@";
const keepsKey = (key: string, policy: string): string => `${keepsPrefix}${key}@${policy}`;

const snapSentryKey = "x-snapsentry";
const platform9Key = "snapshot_policies";

/** Remembers that there was a subscription, so that its end is told. */
function follow(
  volume: Asking,
  protections: readonly Protection[],
  { now, seen }: Context,
): { rows: OverrideSeen[]; ended: Notice[] } {
  const known = seen.get(volume.id) ?? [];
  const rows: OverrideSeen[] = [];
  const ended: Notice[] = [];
  for (const key of [snapSentryKey, platform9Key]) {
    const names = protections.filter(({ source }) => source.kind === "request" && source.key === key);
    const before = known.find((row) => row.key === key);
    const value = names.map(({ policy }) => policy.name).join(",");
    if (value !== "") {
      rows.push(before?.value === value ? before : { resourceId: volume.id, key, value, firstSeenAt: now });
    }
    const left = before?.value.split(",").filter((name) => !names.some(({ policy }) => policy.name === name)) ?? [];
    if (left.length > 0) ended.push(noticeOf(volume, "protection_ended", left.join(", ")));
  }
  return { rows, ended };
}

const noticeOf = (resource: Asking, reason: Notice["reason"], message: string): Notice => ({
  reason,
  projectId: resource.projectId,
  resourceId: resource.id,
  message,
});

/** The first source of a policy counts: no two variants of one name protect a volume. */
function eachOnce(protections: readonly Protection[]): Protection[] {
  const names = new Set<string>();
  return protections.filter(({ policy: { name } }) => !names.has(name) && names.add(name));
}

/** Whether a tag or a tenant asks for protection: who does is told of an exclusion. */
function isWanted(volume: Volume, context: Context): boolean {
  const asks = (resource: Asking): boolean => resource.metadata[context.selection.policyKey] !== undefined;
  const servers = context.serversOf.get(volume.id) ?? [];
  return (
    asks(volume) ||
    servers.some((server) => asks(server) || isTagged(server, context.selection)) ||
    readSnapSentry(volume, context.cache).policies.length > 0 ||
    (context.readsPlatform9 && readPlatform9(volume.metadata).policies.length > 0)
  );
}

/** Targets as they come together. */
class Collected {
  readonly #byPolicy = new Map<Policy, Map<Server | null, Set<string>>>();

  touch(policy: Policy): Map<Server | null, Set<string>> {
    const servers = this.#byPolicy.get(policy) ?? new Map<Server | null, Set<string>>();
    this.#byPolicy.set(policy, servers);
    return servers;
  }

  addServer(policy: Policy, server: Server | null): Set<string> {
    const servers = this.touch(policy);
    const ids = servers.get(server) ?? new Set<string>();
    servers.set(server, ids);
    return ids;
  }

  add(policy: Policy, server: Server | null, volumeId: string): void {
    this.addServer(policy, server).add(volumeId);
  }

  targets(): ReadonlyMap<Policy, readonly Target[]> {
    return new Map(
      [...this.#byPolicy].map(([policy, servers]) => [
        policy,
        [...servers]
          .map(([server, ids]) => ({ server, volumeIds: [...ids].sort(compareText) }))
          .sort((a, b) => (a.server === null ? 1 : b.server === null ? -1 : compareText(a.server.id, b.server.id))),
      ]),
    );
  }
}
