import { algorithms } from "../domain/compression.ts";
import { ConfigError } from "./errors.ts";
import type { Values } from "./option.ts";
import type { schema } from "./schema.ts";
import type { Settings } from "./settings.ts";

/**
 * What is to be compressed where; `null` when no driver is named.
 * @throws ConfigError with all that does not go together
 */
export function buildCompression({ compression }: Pick<Values<typeof schema>, "compression">): Settings["compression"] {
  const { driver, algorithm, mode, pool, required_ratio: ratio, ceph, ...sizes } = compression;
  const { min_blob_size: minBlobBytes, max_blob_size: maxBlobBytes } = sizes;
  const requiredRatio = ratio === null ? null : Number(ratio);
  const ofCeph = { mode, required_ratio: ratio, ...sizes, "ceph.executable": ceph.executable };
  const set = Object.entries({ algorithm, ...ofCeph }).flatMap(([key, value]) => (value === null ? [] : [key]));
  const problems: string[] = [];
  if (driver === null) {
    if (set.length === 0) return null;
    throw new ConfigError([
      `compression.${set[0]} is set, but not compression.driver; set it to the backup driver of Cinder`,
    ]);
  }
  const known: readonly string[] = driver === "ceph" ? algorithms.ceph : algorithms.chunked;
  if (algorithm !== null && !known.includes(algorithm)) {
    problems.push(`compression.algorithm is ${algorithm}; allowed with ${driver}: ${known.join(", ")}`);
  }
  if (driver !== "ceph") {
    for (const key of set.filter((each) => each !== "algorithm")) {
      problems.push(`compression.${key} is for Ceph's pools; take it out, or set compression.driver to ceph`);
    }
  }
  if (minBlobBytes !== null && maxBlobBytes !== null && minBlobBytes > maxBlobBytes) {
    problems.push("compression.min_blob_size is more than compression.max_blob_size; allowed: at most that");
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const client =
    ceph.executable === null
      ? null
      : { executable: ceph.executable, conf: ceph.conf, user: ceph.user, timeoutMs: ceph.timeout };
  return { driver, algorithm, mode, pool, requiredRatio, minBlobBytes, maxBlobBytes, ceph: client };
}
