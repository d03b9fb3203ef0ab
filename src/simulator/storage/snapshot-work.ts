import type { Snapshot } from "../records.ts";
import { wholeSecond } from "../times.ts";
import type { World } from "../world.ts";

/** cinder-volume's part: what happens to a snapshot after the API has answered 202. */
export class SnapshotWorker {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  startSnapshot(snapshot: Snapshot, requestId: string): void {
    const fate = this.#world.faults.snapshotOutcomeFor(snapshot, "create");
    this.#later(snapshot, (atMs) => {
      if (snapshot.status !== "creating" || fate === "hang") return;
      if (fate === "vanish") {
        this.#world.snapshots.delete(snapshot.id);
        return;
      }
      snapshot.updatedAtMs = wholeSecond(atMs);
      snapshot.status = fate ?? "available";
      if (fate === "error") this.#message(snapshot, "009", "013", requestId);
    });
  }

  startDelete(snapshot: Snapshot, requestId: string): void {
    const world = this.#world;
    const fate = world.faults.snapshotOutcomeFor(snapshot, "delete");
    snapshot.status = "deleting";
    this.#later(snapshot, (atMs) => {
      if (snapshot.status !== "deleting" || fate === "hang") return;
      if (fate === "error") {
        snapshot.status = "error_deleting";
        this.#message(snapshot, "010", "016", requestId);
      } else if (this.#isBusy(snapshot)) {
        // As RBD: the 202 was only that it would try.
        snapshot.status = "available";
        this.#message(snapshot, "010", "015", requestId);
      } else {
        world.snapshots.delete(snapshot.id);
        return;
      }
      snapshot.updatedAtMs = wholeSecond(atMs);
    });
  }

  #isBusy(snapshot: Snapshot): boolean {
    const { clonesHoldSnapshots, volumes } = this.#world;
    return clonesHoldSnapshots && volumes.find((volume) => volume.snapshotId === snapshot.id) !== undefined;
  }

  #later(snapshot: Snapshot, run: (atMs: number) => void): void {
    const world = this.#world;
    world.tasks.schedule(world.now() + world.durations.snapshotMs(snapshot.sizeGiB), run);
  }

  #message(snapshot: Snapshot, actionId: string, detailId: string, requestId: string): void {
    this.#world.addMessage({
      projectId: snapshot.projectId,
      resourceType: "VOLUME_SNAPSHOT",
      resourceUuid: snapshot.id,
      actionId,
      detailId,
      requestId,
    });
  }
}
