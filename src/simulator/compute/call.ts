import type { Exchange } from "../exchange.ts";
import type { Auth } from "../identity/state.ts";
import type { Project, Server } from "../records.ts";
import { fault, type Reply } from "../reply.ts";
import type { Params } from "../router.ts";
import type { World } from "../world.ts";

/** What a handler of Nova is given. */
export interface ComputeCall {
  readonly world: World;
  readonly exchange: Exchange;
  readonly params: Params;
  readonly auth: Auth;
  readonly project: Project;
  /** The 93 of 2.93. */
  readonly minor: number;
}

export type ComputeHandler = (call: ComputeCall) => Reply;

export const forbidden = (rule: string) => fault(403, `Policy doesn't allow ${rule} to be performed.`);

/** @throws {Refusal} 404 for what is not there or belongs to others. */
export function findServer(call: ComputeCall): Server {
  const id = call.params.id ?? "";
  const server = call.world.servers.get(id);
  if (server === undefined || (!call.auth.isAdmin && server.projectId !== call.project.id))
    throw fault(404, `Instance ${id} could not be found.`);
  return server;
}

/** @throws {Refusal} 409 when a lock or the state forbids the change. */
export function requireChangeable(call: ComputeCall, server: Server, what: string, states: readonly string[]): void {
  if (server.locked && !call.auth.isAdmin) throw fault(409, `Instance ${server.id} is locked`);
  if (!states.includes(server.vmState))
    throw fault(409, `Cannot '${what}' instance ${server.id} while it is in vm_state ${server.vmState}`);
  if (server.taskState !== null)
    throw fault(409, `Cannot '${what}' instance ${server.id} while it is in task_state ${server.taskState}`);
}
