import type { EndpointInterface } from "../domain/connection.ts";
import type { ServiceName } from "./errors.ts";
import type { Row } from "./wire.ts";

/** Services that the catalogue is asked for. Keystone itself is where the settings say: that address is known to work. */
export type CatalogueService = Exclude<ServiceName, "identity">;

/** Catalogue types of a service, the best first. */
const serviceTypes: Readonly<Record<CatalogueService, readonly string[]>> = {
  compute: ["compute"],
  "block-storage": ["block-storage", "block-store", "volumev3"],
};
const wantedTypes = new Set(Object.values(serviceTypes).flat());

interface Endpoint {
  readonly type: string;
  readonly interface: string;
  readonly region: string | null;
  readonly url: string;
}

/** The endpoints of the services that we use. */
export type Catalogue = readonly Endpoint[];

/** Reads a token's catalogue; the many services that do not concern us are dropped, as a token is held for each project. */
export const readCatalogue = (services: readonly Row[]): Catalogue =>
  services
    .map((service) => ({ type: service.text("type"), endpoints: service.rows("endpoints") }))
    .filter(({ type }) => wantedTypes.has(type))
    .flatMap(({ type, endpoints }) =>
      endpoints.map((row) => ({
        type,
        interface: row.text("interface"),
        region: row.textOrNull("region_id") ?? row.textOrNull("region"),
        url: row.text("url"),
      })),
    );

/** Where a service is, or in `problem` why that cannot be said. */
export type Found = { readonly url: string } | { readonly problem: string };

/** Finds the endpoint of a service; of several catalogue types, the first that has one for the interface and region. */
export function findEndpoint(
  catalogue: Catalogue,
  service: CatalogueService,
  { interface: wanted, region }: { interface: EndpointInterface; region?: string | undefined },
): Found {
  const types = serviceTypes[service];
  for (const type of types) {
    const fits = catalogue.filter(
      (e) => e.type === type && e.interface === wanted && (region === undefined || e.region === region),
    );
    const regions = new Set(fits.map((e) => e.region));
    if (regions.size > 1) {
      return { problem: `the cloud has several regions (${[...regions].join(", ")}): say which` };
    }
    const url = fits[0]?.url;
    if (url !== undefined) {
      if (!/^https?:\/\//.test(url) || !URL.canParse(url)) return { problem: `the catalogue's URL "${url}" is none` };
      return { url: url.replace(/\/+$/, "") };
    }
  }
  const known = catalogue
    .filter((e) => types.includes(e.type))
    .map((e) => `${e.type} ${e.interface} ${e.region ?? "-"}`);
  const where = region === undefined ? "" : ` in region ${region}`;
  return {
    problem: `the catalogue has no ${wanted} endpoint of ${types.join(", ")}${where}; it has: ${known.join("; ") || "none"}`,
  };
}

/** An endpoint taken apart: the address that lists the API versions, and the one below which the resources are. */
export interface VersionedEndpoint {
  /** With a trailing slash. */
  readonly root: string;
  /** E.g. `v3` or `v2.1`. */
  readonly version: string;
  /** With the project's id where the catalogue has one; no trailing slash. */
  readonly base: string;
}

/** @param fallback the version of a catalogue URL that names none */
export function splitVersion(url: string, fallback: string): VersionedEndpoint {
  const match = /^(.*\/)(v\d+(?:\.\d+)?)((?:\/[^/]*)?)$/.exec(url);
  if (match === null) return { root: `${url}/`, version: fallback, base: `${url}/${fallback}` };
  const [, root = "", version = ""] = match;
  return { root, version, base: url };
}
