import { startSimulator, type Simulator } from "../../simulator/simulator.ts";
import type { Accounts } from "../../simulator/cloud.ts";

export interface DemoCloud {
  readonly simulator: Simulator;
  readonly accounts: Accounts;
  readonly servers: number;
  readonly tagged: number;
}

const projectNames = ["web-shop", "research", "build-farm"];
const serversEach = 10;
const mebibytesPerSecond = 150;

/**
 * A simulated cloud of 30 servers in 3 projects, with what goes wrong in real ones: untagged servers, a volume that asks to be skipped, one in
 * state error, one that two servers share, a project that runs into its quota, users' own backups, forged marks, and a backup in 25 that fails.
 */
export async function startDemoCloud(clock: { now: () => Date }, random: () => number): Promise<DemoCloud> {
  const simulator = await startSimulator({
    now: () => Number(clock.now()),
    random,
    durations: {
      backupMs: (sizeGiB, incremental) => 5000 + (sizeGiB * 1024 * 1000 * (incremental ? 0.1 : 1)) / mebibytesPerSecond,
      backupDeleteMs: (sizeGiB) => 2000 + sizeGiB * 100,
    },
  });
  const accounts = simulator.seedAccounts();
  const { seed } = simulator;
  let tagged = 0;
  for (const [p, name] of projectNames.entries()) {
    const project = seed.project({ name });
    const owner = seed.user({ name: `${name}-owner` });
    seed.setRole(owner.id, "member", { projectId: project.id });
    const own = { projectId: project.id, userId: owner.id };
    const servers = Array.from({ length: serversEach }, (_, i) =>
      seed.server({ ...own, name: `${name}-${i + 1}`, metadata: i % 4 === 3 ? {} : { backup: "yes" } }),
    );
    tagged += servers.filter((server) => server.metadata["backup"] === "yes").length;
    const volumes = servers.flatMap((server, i) => {
      const volume = { ...own, serverId: server.id };
      const root = seed.volume({ ...volume, name: `${server.name}-root`, sizeGiB: 10 + 5 * (i % 3), bootable: true });
      return i % 2 === 1
        ? [root]
        : [root, seed.volume({ ...volume, name: `${server.name}-data`, sizeGiB: 20 + 20 * p })];
    });
    const volume = (label: string): (typeof volumes)[number] | undefined =>
      volumes.find((each) => each.name === `${name}-${label}`);
    const makeBackup = (label: string, metadata: Record<string, string>): void => {
      const source = volume(label);
      if (source === undefined) return;
      seed.backup({ volumeId: source.id, userId: owner.id, name: "mine", metadata, createdAtMs: Number(clock.now()) });
    };
    makeBackup("2-root", {});
    if (p === 0) makeBackup("3-root", { __automated_backup: "True", "dirigent:key": "not/ours/2020-01-01T00:00:00Z" });
    const scratch = volume("5-data");
    if (scratch !== undefined) scratch.metadata["skip-volume-backup"] = "true";
    const broken = volume("9-data");
    if (p === 1 && broken !== undefined) broken.status = "error";
    const [first, second] = servers;
    if (p === 1 && first !== undefined && second !== undefined) {
      const shared = seed.volume({
        ...own,
        serverId: first.id,
        name: `${name}-shared`,
        sizeGiB: 50,
        multiattach: true,
      });
      seed.attach(second.id, shared.id);
    }
    // Enough for a few nights, then not for all.
    if (p === 2) simulator.state.setQuota(project.id, { backups: 50 });
  }
  simulator.faults.addBackupRule({
    match: () => random() < 0.04,
    outcome: { kind: "error", reason: "Unable to write the object: connection reset by the object store" },
  });
  return { simulator, accounts, servers: serversEach * projectNames.length, tagged };
}
