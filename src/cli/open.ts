import type { Clouds } from "../openstack/open.ts";
import type { Context } from "./command.ts";

/**
 * Opens both roles of the configured cloud. The caller closes it.
 * @throws ConfigError, ConnectionError
 */
export async function openConfiguredClouds(context: Context): Promise<Clouds> {
  const { openClouds } = await import("../openstack/open.ts");
  const { pageSize, concurrency } = context.settings().openstack;
  const { clock, io, random } = context;
  return openClouds({ ...context.connections(), pageSize, concurrency }, { clock, io, random, log: context.log() });
}
