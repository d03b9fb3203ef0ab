/**
 * Compression happens at the backend: Cinder's chunked backup drivers compress what they send, with Ceph the pool does. We only say what is to be set
 * there, and compare it with what is.
 */

/** Cinder's backup drivers that compress by `backup_compression_algorithm` (cinder/backup/chunkeddriver.py). */
export const chunkedDrivers = ["swift", "s3", "nfs", "posix", "gcs", "glusterfs"] as const;
export const compressionDrivers = ["ceph", ...chunkedDrivers] as const;
export type CompressionDriver = (typeof compressionDrivers)[number];

/** What each kind takes. */
export const algorithms = {
  chunked: ["none", "zlib", "bz2", "zstd"],
  ceph: ["none", "lz4", "snappy", "zlib", "zstd"],
} as const;
export const compressionModes = ["none", "passive", "aggressive", "force"] as const;

/** What is to be set for the backups; null: left as it is. */
export interface Compression {
  readonly driver: CompressionDriver;
  readonly algorithm: string | null;
  /** Of the pool `pool`; with `ceph` only, as all below. */
  readonly mode: (typeof compressionModes)[number] | null;
  readonly pool: string;
  /** A chunk is stored compressed when it shrinks to this part or less. */
  readonly requiredRatio: number | null;
  /** In bytes. */
  readonly minBlobBytes: number | null;
  readonly maxBlobBytes: number | null;
}

/** One option as the backend calls it. */
export interface BackendOption {
  readonly name: string;
  readonly value: string;
}

export function wantedOptions(compression: Compression): readonly BackendOption[] {
  const { driver, algorithm, mode, requiredRatio, minBlobBytes, maxBlobBytes } = compression;
  const all: readonly (readonly [name: string, value: string | number | null])[] =
    driver === "ceph"
      ? [
          ["compression_mode", mode],
          ["compression_algorithm", algorithm],
          ["compression_required_ratio", requiredRatio],
          ["compression_min_blob_size", minBlobBytes],
          ["compression_max_blob_size", maxBlobBytes],
        ]
      : [["backup_compression_algorithm", algorithm]];
  return all.flatMap(([name, value]) => (value === null ? [] : [{ name, value: String(value) }]));
}

/** Lines to paste: commands for Ceph, a section for cinder.conf. */
export function renderCompression(compression: Compression): string {
  const options = wantedOptions(compression);
  if (compression.driver === "ceph") {
    return options.map(({ name, value }) => `ceph osd pool set ${compression.pool} ${name} ${value}`).join("\n");
  }
  return ["[DEFAULT]", ...options.map(({ name, value }) => `${name} = ${value}`)].join("\n");
}

/** An option that is not as wanted; `live` null: not set on the pool, so that the default of the OSDs counts. */
export interface Drift extends BackendOption {
  readonly live: string | null;
}

/** Compares with the pool's options as `ceph osd pool ls detail` shows them. Numbers count by their value. */
export function driftOf(compression: Compression, live: Readonly<Record<string, string | number>>): readonly Drift[] {
  return wantedOptions(compression).flatMap(({ name, value }): readonly Drift[] => {
    const found = live[name];
    if (found === undefined) return [{ name, value, live: null }];
    const same = String(found) === value || (value !== "" && Number(found) === Number(value));
    return same ? [] : [{ name, value, live: String(found) }];
  });
}

export const describeDrift = ({ name, value, live }: Drift): string =>
  `${name} is ${live ?? "not set"}, wanted: ${value}`;
