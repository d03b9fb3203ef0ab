import type { Settings } from "../../config/settings.ts";

/** What a running conductor does not change: it is taken in at the start only. */
const fixed: readonly RegExp[] = [
  /^openstack\.(?!settle_time$)/,
  /^database\./,
  /^conductor\.(name|lease_ttl|catalogue_file)$/,
  /^log\.format$/,
  /^metrics\./,
  /^mail(\.(?!(operators|receivers|project_address|members)$)|$)/,
  /^(templates|webhook|ping)\b/,
  /^policy_hook\b/,
];

export interface SettingsChange {
  /** Keys whose new value is in force now. */
  readonly changed: readonly string[];
  /** Keys whose new value waits for a restart. */
  readonly restart: readonly string[];
}

/** What differs between two settings, by the keys of the configuration; values are never told, since some are secrets. */
export function compareSettings(before: Settings, after: Settings): SettingsChange {
  const old = flat(before);
  const keys = [...flat(after)].flatMap(([key, value]) => (old.get(key) === value ? [] : [key]));
  const differing = [...new Set([...keys, ...[...old.keys()].filter((key) => !flat(after).has(key))])].sort();
  const needsRestart = (key: string): boolean => fixed.some((pattern) => pattern.test(key));
  return {
    changed: differing.filter((key) => !needsRestart(key)),
    restart: differing.filter(needsRestart),
  };
}

/** The values of settings, each as text, by keys such as `policy.full_every`. */
function flat(settings: Settings): ReadonlyMap<string, string> {
  const entries = (value: unknown, key: string): readonly (readonly [string, string])[] =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.entries(value).flatMap(([name, each]) =>
          entries(each, key === "" ? snake(name) : `${key}.${snake(name)}`),
        )
      : [[key, JSON.stringify(value)]];
  return new Map(entries(settings, "").filter(([key]) => key !== "files" && key !== "database.shown_url"));
}

/** A key of the settings as the configuration has it: `settleTimeMs` is `settle_time`. */
const snake = (name: string): string =>
  name.replace(/Ms$/, "").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
