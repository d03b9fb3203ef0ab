/** SnapSentry's policies, in the order in which it looks at them. */
export const snapSentryKinds = ["express", "daily", "weekly", "monthly"] as const;
export type SnapSentryKind = (typeof snapSentryKinds)[number];

export const isSnapSentryKind = (word: string): word is SnapSentryKind => snapSentryKinds.some((kind) => kind === word);

const prefix = "x-snapsentry-";

/** Without it, or with anything but `true`, SnapSentry does not find a volume. */
export const managedKey = `${prefix}managed`;

export type SnapSentryField = keyof typeof fieldNames;

const fieldNames = {
  enabled: "enabled",
  retentionDays: "retention-days",
  retentionType: "retention-type",
  timeZone: "timezone",
  startTime: "start-time",
  weekDay: "start-day-of-week",
  monthDay: "start-day-of-month",
  /** What SnapSentry's own command writes and its evaluation never reads. */
  monthDayWritten: "day-of-month",
  intervalHours: "interval-hours",
} as const;

/** The metadata key of a policy's field. */
export const snapSentryKey = (kind: SnapSentryKind, field: SnapSentryField): string =>
  `${prefix}${kind}-${fieldNames[field]}`;

/** Whether a volume's metadata key belongs to one policy, in whatever spelling. */
export const isKeyOf = (kind: SnapSentryKind, key: string): boolean => key.startsWith(`${prefix}${kind}-`);

export const isSnapSentryKey = (key: string): boolean => key.startsWith(prefix);

/** What our policies for them are called. */
export const snapSentryPolicyName = (kind: SnapSentryKind): string => `snapsentry-${kind}`;

/** Such a policy is made of each volume's own metadata, and in no book. */
export const isSnapSentryPolicy = (name: string): boolean =>
  snapSentryKinds.some((kind) => snapSentryPolicyName(kind) === name);

/** SnapSentry's marks on snapshots. */
export const snapSentryMark = {
  managed: managedKey,
  expiry: `${prefix}snapshot-expiry-date`,
  policy: `${prefix}snapshot-policy-type`,
  retentionDays: `${prefix}snapshot-retention-days`,
} as const;
