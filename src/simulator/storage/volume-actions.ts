import { at, isRecord, textAt } from "../exchange.ts";
import type { Volume } from "../records.ts";
import { fault, type Reply } from "../reply.ts";
import { wholeSecond } from "../times.ts";
import { noSuchAction, requireAdmin, type StorageCall } from "./call.ts";
import { reserveGigabytes } from "./quotas.ts";
import { findVolume, removeVolume } from "./volumes.ts";

type Action = (call: StorageCall, volume: Volume, body: unknown) => number;

/** POST /volumes/{id}/action; each returns its status code. */
const actions: Readonly<Record<string, Action>> = {
  "os-reset_status": (call, volume, body) => {
    requireAdmin(call, "volume_extension:volume_admin_actions:reset_status");
    const status = textAt(body, "status");
    if (status === "in-use" && volume.attachments.length === 0)
      throw fault(400, "Cannot reset-state to in-use because volume does not have any attachments.");
    if (status !== undefined) volume.status = status;
    if (at(body, "attach_status") === "detached") volume.attachments = [];
    return 202;
  },
  "os-force_delete": (call, volume) => {
    requireAdmin(call, "volume_extension:volume_admin_actions:force_delete");
    removeVolume(call, volume, true);
    return 202;
  },
  "os-set_bootable": (_, volume, body) => {
    volume.bootable = at(body, "bootable") === true;
    return 200;
  },
  "os-attach": (call, volume, body) => {
    if (volume.status !== "available" && !(volume.multiattach && volume.status === "in-use")) {
      throw fault(400, `Invalid volume: volume ${volume.id} is already attached to a server`);
    }
    volume.attachments.push({
      attachmentId: call.world.ids.uuid(),
      serverId: textAt(body, "instance_uuid") ?? "",
      device: textAt(body, "mountpoint") ?? "/dev/vdb",
      attachedAtMs: wholeSecond(call.exchange.nowMs),
    });
    volume.status = "in-use";
    return 202;
  },
  "os-detach": (_, volume) => {
    volume.attachments = [];
    if (volume.status === "in-use") volume.status = "available";
    return 202;
  },
  "os-extend": (call, volume, body) => {
    const newSizeGiB = Number(at(body, "new_size"));
    if (volume.status !== "available" && !(volume.status === "in-use" && call.minor >= 42)) {
      throw fault(
        400,
        `Invalid volume: Volume ${volume.id} status must be available to extend, currently ${volume.status}.`,
      );
    }
    if (newSizeGiB <= volume.sizeGiB) {
      throw fault(
        400,
        `Invalid input received: New size for extend must be greater than current size. (current: ${volume.sizeGiB}, extended: ${newSizeGiB}).`,
      );
    }
    reserveGigabytes(call, { sizeGiB: newSizeGiB - volume.sizeGiB, typeName: volume.typeName });
    later(call, volume, "extending", () => (volume.sizeGiB = newSizeGiB));
    return 202;
  },
  "os-retype": (call, volume, body) => {
    const name = textAt(body, "new_type") ?? "";
    const type = call.world.volumeType(name);
    if (type === undefined) throw fault(404, `Volume type with name ${name} could not be found.`);
    if ((volume.status !== "available" && volume.status !== "in-use") || volume.typeName === type.name) {
      throw fault(
        400,
        "Invalid volume: Retype needs volume to be in available or in-use state, not be part of an active migration or a consistency group, requested type has to be different that the one from the volume, and for in-use volumes front-end qos specs cannot change.",
      );
    }
    later(call, volume, "retyping", () => {
      volume.typeName = type.name;
      volume.host = `aio@${type.name}#pool`;
    });
    return 202;
  },
};

/** Shows `busy` for as long as the change takes, then what was shown before. */
function later(call: StorageCall, volume: Volume, busy: string, change: () => void): void {
  const { world, exchange } = call;
  const before = volume.status;
  volume.status = busy;
  world.tasks.schedule(exchange.nowMs + world.durations.volumeMs(volume.sizeGiB), (atMs) => {
    change();
    volume.status = before;
    volume.updatedAtMs = wholeSecond(atMs);
  });
}

export function volumeAction(call: StorageCall): Reply {
  const body = call.exchange.json();
  const [name = "None"] = isRecord(body) ? Object.keys(body) : [];
  const action = actions[name];
  if (action === undefined) throw noSuchAction(body);
  const volume = findVolume(call);
  return { status: action(call, volume, at(body, name)) };
}
