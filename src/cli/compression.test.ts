import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { settingsFrom } from "../config/load.ts";
import { ConfigError } from "../config/errors.ts";
import { describeDrift, renderCompression } from "../domain/compression.ts";
import { directIo } from "../domain/io.ts";
import { compressionProblems, compressionState, type CompressionState } from "./compression.ts";

const never = new AbortController().signal;

describe("compression", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "dirigent-compression-"));
  });
  after(() => rm(directory, { recursive: true }));

  /** A ceph that runs this shell script; its arguments go to a file. */
  const ceph = async (script: string): Promise<string> => {
    const path = join(directory, "ceph");
    await writeFile(path, `#!/bin/sh\necho "$@" > ${join(directory, "arguments")}\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  };
  const asked = async (script: string, client: Record<string, string> = {}): Promise<CompressionState> => {
    const executable = client["executable"] ?? (await ceph(script));
    const settings = settingsFrom({ compression: { ...wanted, ceph: { ...client, executable } } });
    return await compressionState(settings, directIo, never);
  };
  const wanted = {
    driver: "ceph",
    mode: "aggressive",
    algorithm: "zstd",
    required_ratio: "0.8",
    min_blob_size: "8KiB",
  };
  const print = (options: object): string =>
    `echo '${JSON.stringify([
      { pool_name: "rbd", options: {} },
      { pool_name: "backups", options },
    ])}'`;
  // As `ceph osd pool ls detail --format json` of 16.2 has them.
  const live = {
    compression_algorithm: "zstd",
    compression_mode: "aggressive",
    compression_required_ratio: 0.8,
    compression_min_blob_size: 8192,
  };

  it("says what to set at the backend, driver by driver", () => {
    const show = (compression: object): string => {
      const settings = settingsFrom({ compression });
      assert.ok(settings.compression !== null);
      return renderCompression(settings.compression);
    };
    assert.equal(
      show({ ...wanted, pool: "vault", max_blob_size: "64KiB" }),
      [
        "ceph osd pool set vault compression_mode aggressive",
        "ceph osd pool set vault compression_algorithm zstd",
        "ceph osd pool set vault compression_required_ratio 0.8",
        "ceph osd pool set vault compression_min_blob_size 8192",
        "ceph osd pool set vault compression_max_blob_size 65536",
      ].join("\n"),
    );
    assert.equal(show({ driver: "ceph", mode: "none" }), "ceph osd pool set backups compression_mode none");
    for (const driver of ["swift", "s3", "nfs", "posix", "gcs", "glusterfs"]) {
      assert.equal(show({ driver, algorithm: "bz2" }), "[DEFAULT]\nbackup_compression_algorithm = bz2");
    }
  });

  it("asks Ceph with the configured user, and changes nothing", async () => {
    assert.deepEqual(await asked(print(live), { conf: "/etc/ceph/ceph.conf", user: "dirigent" }), {
      kind: "seen",
      drift: [],
    });
    const words = await readFile(join(directory, "arguments"), "utf8");
    assert.equal(words.trim(), "--conf /etc/ceph/ceph.conf --id dirigent --format json osd pool ls detail");
  });

  it("finds what is not as configured", async () => {
    const state = await asked(print({ ...live, compression_mode: "passive", compression_min_blob_size: undefined }));
    assert.ok(state.kind === "seen");
    assert.deepEqual(state.drift.map(describeDrift), [
      "compression_mode is passive, wanted: aggressive",
      "compression_min_blob_size is not set, wanted: 8192",
    ]);
    const told = await compressionProblems(
      settingsFrom({ compression: { ...wanted, ceph: { executable: join(directory, "ceph") } } }),
      directIo,
      never,
    );
    assert.deepEqual(told[0], {
      what: "compression of pool backups",
      text: "compression_mode is passive, wanted: aggressive",
    });
  });

  it("says why Ceph could not be asked", async () => {
    const failures: [string, Record<string, string>, RegExp][] = [
      ["echo 'Error EACCES: access denied' >&2; exit 13", {}, /^Error EACCES: access denied$/],
      ["echo hello", {}, /printed no JSON$/],
      ["echo '[]'", {}, /^there is no pool backups$/],
      ["exec sleep 60", { timeout: "1s" }, /gave no answer within 1 s$/],
      ["", { executable: "/nowhere/ceph" }, /^there is no \/nowhere\/ceph$/],
    ];
    for (const [script, client, want] of failures) {
      const state = await asked(script, client);
      assert.ok(state.kind === "failed", script);
      assert.match(state.message, want);
    }
  });

  it("is nothing to check where none is configured, and not to be seen where no client is", async () => {
    const state = (compression: object) => compressionState(settingsFrom({ compression }), directIo, never);
    assert.deepEqual(await state({}), { kind: "none" });
    assert.deepEqual(await state({ driver: "ceph", mode: "force" }), { kind: "unseen" });
    assert.deepEqual(await state({ driver: "swift", algorithm: "zstd" }), { kind: "unseen" });
  });

  it("refuses what the driver does not know", () => {
    const problems = (compression: object): readonly string[] => {
      try {
        settingsFrom({ compression });
        return [];
      } catch (error) {
        assert.ok(error instanceof ConfigError);
        return error.problems;
      }
    };
    assert.deepEqual(problems({ mode: "force" }), [
      "compression.mode is set, but not compression.driver; set it to the backup driver of Cinder",
    ]);
    assert.deepEqual(problems({ driver: "swift", algorithm: "lz4", mode: "force", required_ratio: "0.5" }), [
      "compression.algorithm is lz4; allowed with swift: none, zlib, bz2, zstd",
      "compression.mode is for Ceph's pools; take it out, or set compression.driver to ceph",
      "compression.required_ratio is for Ceph's pools; take it out, or set compression.driver to ceph",
    ]);
    assert.deepEqual(problems({ driver: "ceph", algorithm: "bz2", min_blob_size: "2MiB", max_blob_size: "1MiB" }), [
      "compression.algorithm is bz2; allowed with ceph: none, lz4, snappy, zlib, zstd",
      "compression.min_blob_size is more than compression.max_blob_size; allowed: at most that",
    ]);
  });
});
