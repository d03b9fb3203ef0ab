/** The simulated cloud of a bench, in a process of its own so that its work is not counted as the conductor's. */
import type { CloudParameters } from "../src/domain/connection.ts";
import { automatedMark, mark, markTime, workKey } from "../src/domain/marks.ts";
import type { LoggedRequest } from "../src/simulator/request-log.ts";
import { startSimulator, type Simulator } from "../src/simulator/simulator.ts";
import { instant } from "../src/simulator/world.ts";
import { seededRandom } from "../test/simulation/support/random.ts";
import { answer, onQuestion, orderOf } from "./processes.ts";

const dayMs = 24 * 60 * 60 * 1000;

export interface CloudOrder {
  /** What is added to this machine's clock. */
  readonly offsetMs: number;
  readonly projects: number;
  readonly servers: number;
  readonly volumesPerServer: number;
  /** One a day, the last of them today: a full and what builds on it. */
  readonly backupsPerVolume: number;
}

/** The first answer. */
export interface CloudFacts {
  readonly reader: CloudParameters;
  readonly writer: CloudParameters;
}

/** Asks for what was asked of the cloud since the last time; then the clock may be set to another time. */
export interface CloudQuestion {
  readonly offsetMs: number;
}

export interface Taken {
  readonly requests: readonly LoggedRequest[];
  /** By backup, the requests that made them. */
  readonly creations: ReadonlyMap<string, Creation>;
}

export interface Creation {
  readonly projectId: string;
  readonly body: object;
}

const order = orderOf() as CloudOrder;
let { offsetMs } = order;
const now = (): number => Date.now() + offsetMs;
const simulator = await startSimulator({ now, random: seededRandom(7), durations: instant });
const accounts = simulator.seedAccounts();
seed(simulator, accounts.writer.id);
const credentials = (user: { name: string; password: string }, project?: string): CloudParameters => ({
  authUrl: simulator.authUrl,
  auth: {
    kind: "password",
    user: { name: user.name, domain: { id: "default" } },
    password: user.password,
    ...(project === undefined ? {} : { project: { id: project } }),
  },
  interface: "public",
  verify: true,
  timeoutMs: 60_000,
});
const facts: CloudFacts = {
  reader: credentials(accounts.admin, accounts.adminProject.id),
  writer: credentials(accounts.writer),
};
answer(facts);

onQuestion((question) => {
  const taken: Taken = {
    requests: [...simulator.log.entries],
    creations: new Map(
      simulator.state.backups.values().map(({ id, projectId, volumeId, name, description, metadata, parentId }) => {
        const incremental = parentId !== null;
        const backup = { volume_id: volumeId, name, description, metadata, incremental, force: true };
        return [id, { projectId, body: { backup } }];
      }),
    ),
  };
  simulator.log.clear();
  ({ offsetMs } = question as CloudQuestion);
  answer(taken);
});

function seed(simulator: Simulator, writerId: string): void {
  const { servers, volumes } = simulator.seedCloud({ ...order, backupsPerVolume: 0 });
  const today = Math.floor(now() / dayMs) * dayMs;
  // As the conductor left them: no server is owed its mark.
  if (order.backupsPerVolume > 0) {
    for (const server of servers) server.metadata["last-backup-time"] = markTime(new Date(now()));
  }
  const newest = new Map<string, string>();
  for (let age = order.backupsPerVolume - 1; age >= 0; age--) {
    const slotMs = today - age * dayMs;
    const slot = markTime(new Date(slotMs));
    for (const [index, volume] of volumes.entries()) {
      const serverId = volume.attachments[0]?.serverId ?? "";
      const parentId = newest.get(volume.id) ?? null;
      const createdAtMs = slotMs + 60_000 + (index % 3600) * 1000;
      const { id } = simulator.seed.backup({
        volumeId: volume.id,
        userId: writerId,
        parentId,
        createdAtMs,
        updatedAtMs: createdAtMs + 300_000,
        name: `${volume.name ?? ""}-${slot.slice(0, 10)}`,
        description: `${parentId === null ? "full" : "incremental"} backup of ${volume.name ?? ""}`,
        container: "volumebackups",
        metadata: {
          [automatedMark]: "True",
          [mark.key]: workKey(volume.id, "default", slot),
          [mark.policy]: "default",
          [mark.slot]: slot,
          [mark.server]: serverId,
          [mark.set]: `${serverId}/${slot}`,
          [mark.keepUntil]: markTime(new Date(slotMs + 17 * dayMs)),
          [mark.volumeType]: volume.typeName,
          ...(parentId === null ? {} : { [mark.parent]: parentId }),
        },
      });
      newest.set(volume.id, id);
    }
  }
}
