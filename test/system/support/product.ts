import { systemClock } from "../../../src/cli/system-clock.ts";
import type { CloudParameters } from "../../../src/domain/connection.ts";
import { directIo } from "../../../src/domain/io.ts";
import { silentLogger } from "../../../src/domain/log.ts";
import { openClouds } from "../../../src/openstack/open.ts";
import type { Clouds } from "../../../src/openstack/open.ts";
import type { Cloud } from "./cloud.ts";
import type { Credential } from "./credentials.ts";

/** A credential as the product's own clients take it, as if read from a clouds.yaml. */
export function parametersOf(cloud: Cloud, { login }: Credential): CloudParameters {
  return {
    authUrl: cloud.authUrl,
    auth:
      login.kind === "appcred"
        ? { kind: "application_credential", credential: { id: login.id }, secret: login.secret }
        : { kind: "password", user: { name: login.user, domain: { id: "default" } }, password: login.password },
    region: cloud.region,
    interface: "public",
    verify: true,
    timeoutMs: 60_000,
  };
}

/** The product's clients on the real cloud, with the machine's clock; close them in `after`. */
export const openProductClouds = (cloud: Cloud, reader: Credential, writer: Credential): Promise<Clouds> =>
  openClouds(
    { reader: parametersOf(cloud, reader), writer: parametersOf(cloud, writer) },
    { clock: systemClock, io: directIo, random: Math.random, log: silentLogger },
  );
