import type { CatalogueService } from "./catalogue.ts";
import type { Call, Wiring } from "./service.ts";
import { ServiceClient } from "./service.ts";
import { requirements } from "./microversion.ts";

export type Role = "reader" | "writer";

/** What Keystone grants a credential. */
export interface Grant {
  readonly userId: string;
  /** `null` when Keystone gave a token without a project. */
  readonly projectId: string | null;
  /** Names of the roles; none without a project. */
  readonly roles: readonly string[];
}

/** GETs that the reader has no need for and that the rules shipped for it do not name: what they are answered with shows how far it is bound. */
const needless = {
  users: { service: "identity", route: "users" },
  flavors: { service: "compute", route: "flavors" },
  volumeTypes: { service: "block-storage", route: "types" },
  /** With the reader's token also as the token of a service. */
  volumeTypesAsService: { service: "block-storage", route: "types" },
} as const;

export type Needless = keyof typeof needless;

/** Questions about credentials and services. Nothing of it changes anything. */
export interface Inspection {
  /** Logs in. @param projectId null for the credential's own @throws AuthenticationFailed, NoProjectAccess, CloudError */
  grant(role: Role, projectId: string | null, signal: AbortSignal): Promise<Grant>;
  /** The microversion in use, the newest tried and the least needed. @throws CloudUnfit, CloudError */
  microversion(
    service: CatalogueService,
    signal: AbortSignal,
  ): Promise<{ readonly used: string; readonly needed: string; readonly newestTried: string }>;
  /** The status that the reader gets for something it has no need for. @throws CloudError without an answer */
  needless(what: Needless, signal: AbortSignal): Promise<number>;
}

export function inspectionOf(wirings: Readonly<Record<Role, Wiring>>): Inspection {
  return {
    async grant(role, projectId, signal) {
      const token = await wirings[role].session.token(projectId, { signal });
      return { userId: token.userId, projectId: token.projectId, roles: token.roles };
    },
    async microversion(service, signal) {
      const used = await new ServiceClient(service, null, wirings.reader).microversion(signal);
      const { minimum: needed, maximum: newestTried } = requirements[service];
      return { used, needed, newestTried };
    },
    needless(what, signal) {
      const { service, route } = needless[what];
      // One row is enough to tell.
      const query = new URLSearchParams({ limit: "1" });
      const call: Call = {
        method: "GET",
        route,
        query,
        expect: 200,
        signal,
        asService: what === "volumeTypesAsService",
      };
      return new ServiceClient(service, null, wirings.reader).status(call);
    },
  };
}
