/** What an operator leaves out, with a reason and perhaps an end: it goes before everything else that is said of a volume. */
export interface Exclusion {
  readonly scope: "volume" | "server" | "project";
  readonly id: string;
  readonly reason: string;
  /** From then on it says nothing any more; `null`: it has no end. */
  readonly until: Date | null;
}

/** Whose exclusion is asked for: a volume, the servers it is attached to, and its project. */
export interface Excludable {
  readonly volumeId: string;
  readonly serverIds: readonly string[];
  readonly projectId: string;
}

export const isExpired = ({ until }: Exclusion, now: Date): boolean => until !== null && now >= until;

const indexOf = new WeakMap<readonly Exclusion[], ReadonlyMap<string, readonly Exclusion[]>>();

function index(exclusions: readonly Exclusion[]): ReadonlyMap<string, readonly Exclusion[]> {
  const known = indexOf.get(exclusions);
  if (known !== undefined) return known;
  const made = Map.groupBy(exclusions, ({ scope, id }) => `${scope} ${id}`);
  indexOf.set(exclusions, made);
  return made;
}

/**
 * The exclusion in force for a volume: its own before its servers', those before its project's. A volume of several servers is left out only when
 * all of them are: the others' owners count on it.
 * @param exclusions always the same array for the same exclusions: it is indexed once
 */
export function exclusionOf(
  exclusions: readonly Exclusion[],
  { volumeId, serverIds, projectId }: Excludable,
  now: Date,
): Exclusion | null {
  const byId = index(exclusions);
  const inForce = (scope: Exclusion["scope"], id: string): Exclusion | null =>
    byId.get(`${scope} ${id}`)?.find((exclusion) => !isExpired(exclusion, now)) ?? null;
  const ofServers = serverIds.map((id) => inForce("server", id));
  const [ofServer = null] = ofServers.includes(null) ? [] : ofServers;
  return inForce("volume", volumeId) ?? ofServer ?? inForce("project", projectId);
}
