import type { CatalogueService } from "./catalogue.ts";
import type { Row } from "./wire.ts";

interface Requirement {
  /** What the header `OpenStack-API-Version` calls the service. */
  readonly header: string;
  /** API version of a catalogue URL that names none. */
  readonly api: string;
  readonly minimum: string;
  /** What the minimum is for. */
  readonly because: string;
  /** The newest that we were tried with; newer ones may change what an answer means. */
  readonly maximum: string;
}

export const requirements: Readonly<Record<CatalogueService, Requirement>> = {
  compute: {
    header: "compute",
    api: "v2.1",
    // os-extended-volumes:volumes_attached is there since 2.1; `locked` decides whether last-backup-time can be written. From 2.69 on, servers of a cell
    // that is down are listed as UNKNOWN instead of being left out.
    minimum: "2.9",
    because: "it shows whether a server is locked",
    maximum: "2.93",
  },
  "block-storage": {
    header: "volume",
    api: "v3",
    // Metadata of backups came with 3.43, the creator with 3.56.
    minimum: "3.56",
    because: "it shows who created a backup, without which nothing can be known to be ours",
    maximum: "3.70",
  },
};

/** What a service offers under one API version. */
export interface Offer {
  readonly id: string;
  readonly minimum: string;
  readonly maximum: string;
}

/** Reads a version document: a list at the root (Cinder, Nova), or a single one below a version (Nova). */
export function readOffers(document: Row): Offer[] {
  const single = document.rowOrNull("version");
  return (single === null ? document.rows("versions") : [single]).map((row) => ({
    id: row.text("id"),
    minimum: row.textOrNull("min_version") ?? "",
    maximum: row.textOrNull("version") ?? "",
  }));
}

/** The offer for an API version: Cinder lists `v3.0` for its `v3`, Nova `v2.1` for `v2.1`. */
export const offerFor = (offers: readonly Offer[], version: string): Offer | undefined =>
  offers.find(({ id }) => id === version) ?? offers.find(({ id }) => id.startsWith(`${version}.`));

/** The microversion to use: the lower of our newest and the service's, or why there is none. */
export function negotiate(
  service: CatalogueService,
  { minimum, maximum }: Offer,
): { readonly version: string } | { readonly problem: string } {
  const ours = requirements[service];
  if (!isVersion(maximum) || compare(maximum, ours.minimum) < 0) {
    const has = isVersion(maximum) ? `microversions up to ${maximum}` : "no microversions";
    return { problem: `the service has ${has}; at least ${ours.minimum} is needed, since ${ours.because}` };
  }
  if (isVersion(minimum) && compare(minimum, ours.maximum) > 0) {
    return { problem: `the service starts at microversion ${minimum}; the newest known here is ${ours.maximum}` };
  }
  return { version: compare(maximum, ours.maximum) < 0 ? maximum : ours.maximum };
}

const isVersion = (text: string): boolean => /^\d+\.\d+$/.test(text);

function compare(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split(".").map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(".").map(Number);
  return aMajor - bMajor || aMinor - bMinor;
}
