/** `failure`: a rule is broken; `warning`: somebody should look; `information`: worth knowing, nothing is wrong. */
export type Severity = "failure" | "warning" | "information";

/** What each code says. Codes are stable: monitoring and tests match on them. */
export const findingMeanings = {
  "rights-missing": "the reader is no admin, so a listing shows one project only and proves nothing",
  "rights-unproven": "no backup and no second project is shown, so the reader's rights are not proven",
  "listings-out-of-order": "the earlier listing is not earlier",

  "last-good-lost": "rule 1: a volume had a good point of a mechanism and has none now",
  "last-good-doubted":
    "a volume has its point, but since the earlier listing a verdict, lost marks or a transfer make it doubtful",
  "newest-chain-broken": "rule 1: the newest good chain of a volume is not whole and no newer one took its place",
  "foreign-removed": "a backup or snapshot that was not ours is gone; its owner may have deleted it",
  "foreign-changed":
    "a backup or snapshot that was not ours has other metadata, where nobody but the conductor was at work",
  "held-removed": "rule 1: a held point is gone",
  "removed-too-early": "rule 1: a point is gone before its keep-until",
  "removed-without-promise": "rule 1: a point is gone whose keep-until cannot be read",
  "removed-though-wanted":
    "rule 1: a point is gone that the rule of thinning marked on it still wanted, or whose rule cannot be read",
  "removed-from-wanted-chain": "rule 1: an expired member is gone from a chain that is still wanted",
  "removed-out-of-order": "rule 1: an older member of a chain is gone before a newer one",
  "removed-under-volumes": "rule 1: a snapshot is gone although volumes had been made from it",
  "parent-gone": "rule 1: an incremental is left without its ancestors",
  "brake-exceeded": "rule 1: more deletions in a project than the brake allows",
  "promise-shortened":
    "rule 1: keep-until of an existing point is earlier than it was, or its rule of thinning keeps less, or one of them is unreadable now",

  "duplicate-key": "rule 2: several points of ours have one key",
  "duplicate-slot": "rule 2: several points of one volume and mechanism have one policy and slot",
  "slot-repeated": "rule 2: a slot that had its point was done again",

  "wrong-project": "rule 3: a point is not in the project of its volume",

  "marks-missing": "a point lacks marks that a rebuild needs",
  "marks-unreadable": "a mark has a value that a rebuild cannot read",
  "key-disagrees": "the key is not the one of volume, policy, slot and mechanism",
  "parent-mark-wrong": "the parent mark names another backup than Cinder does",
  "archive-parent": "a point depends on an archive, which is in another container and goes by a retention of its own",
  "foreign-parent": "a point depends on a backup that is not ours",
  unmarked: "created by the conductor's user but without marks",
  "temporary-left": "a temporary snapshot for a backup is older than a day",
  forged: "marked but created by somebody else",

  "in-error": "a point is in error",
  stuck: "a point has been in a passing state for too long",
  undersized: "a point is smaller than its volume was",
} as const;

export type FindingCode = keyof typeof findingMeanings;

/** One thing the audit has to say. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly projectId?: string;
  readonly volumeId?: string;
  readonly backupIds: readonly string[];
  /** A sentence for a person. May contain mark values, which tenants can write: escape it for where it goes. */
  readonly text: string;
}
