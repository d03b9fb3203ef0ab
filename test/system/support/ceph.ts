import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SCRIPTS, STATE } from "./cloud.ts";
import { mustRun } from "./processes.ts";

/**
 * Gives the running cloud a real Ceph (15 s): the volume type `rbd`, whose backups a second cinder-backup on host
 * `aio-ceph` puts into the pool `backups`; all other types stay as they are. It stays for the rest of the run, since
 * restarting Cinder's services is nothing to do in the middle: such suites have names that start with `ceph` and come last.
 * @returns the environment in which `ceph` and `rbd` speak to it
 */
export async function addCeph(): Promise<NodeJS.ProcessEnv> {
  const mode = await readFile(join(STATE, "run", "ceph.on"), "utf8").catch(() => "");
  if (mode.trim() !== "both") {
    const env = { ...process.env, AIO_CEPH: "1", AIO_BACKUP_DRIVER: "both", AIO_HORIZON: "0" };
    await mustRun(join(SCRIPTS, "up"), [], { env, timeoutMs: 240_000 });
  }
  return { ...process.env, CEPH_CONF: join(STATE, "conf", "ceph", "ceph.conf") };
}
