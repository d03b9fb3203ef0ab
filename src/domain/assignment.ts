import type { OverrideSeen } from "./catalogue.ts";
import { CollectedTargets } from "./collected-targets.ts";
import { compareText } from "./compare.ts";
import { exclusionOf } from "./exclusions.ts";
import type { Server, Volume } from "./inventory.ts";
import type { SubjectProject } from "./match.ts";
import { indexSeen, type Asking, type Notice } from "./overrides.ts";
import { readPlatform9 } from "./peers/platform9.ts";
import { newSnapSentryCache, readSnapSentry, type SnapSentryCache } from "./peers/snapsentry.ts";
import { readPeerRequests, restPeerRequests } from "./peer-requests.ts";
import type { PolicyBook } from "./policy-book.ts";
import { noPolicyRequest, readPolicyRequest, restPolicyRequest, type PolicyRequest } from "./policy-requests.ts";
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
  const collected = new CollectedTargets();
  const excluded = new Map<string, string>();
  const notices: Notice[] = [];
  const seen: OverrideSeen[] = [];
  const asked = new Set<string>();
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
    asked.add(volume.id);
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
  for (const [id, rows] of context.seen) {
    if (!asked.has(id) && !context.serverRequests.has(id)) seen.push(...restRequests(id, rows, context));
  }
  return { targets: collected.targets(), excluded, notices, overridesSeen: seen };
}

/** What a resource that is left out, or gone, asked for is remembered as long as less would have to wait: to be left out for a night is no way around that. */
const restRequests = (id: string, rows: readonly OverrideSeen[], context: Context): readonly OverrideSeen[] => [
  ...restPolicyRequest(id, { ...context, policies: context.book.policies }),
  ...restPeerRequests(id, rows, context),
];

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
  const peers = readPeerRequests(volume, { ...context, policies: book.policies });
  const subscribed = peers.policies.map(({ policy, key }): Protection => ({
    policy,
    server,
    source: { kind: "request", resourceId: volume.id, key },
  }));
  return {
    protections: eachOnce([
      ...(isReplaced ? [] : base),
      ...requested,
      ...subscribed,
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
