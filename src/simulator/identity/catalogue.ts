interface Entry {
  readonly type: string;
  readonly name: string;
  readonly url: (origin: string, projectId: string) => string;
}

/** Block storage stands there twice, as on the recorded cloud: once without and once with the project in its URL. */
const entries: readonly Entry[] = [
  { type: "identity", name: "keystone", url: (origin) => `${origin}/identity/v3` },
  { type: "compute", name: "nova", url: (origin) => `${origin}/compute/v2.1` },
  { type: "block-storage", name: "cinder", url: (origin) => `${origin}/volume/v3` },
  { type: "volumev3", name: "cinderv3", url: (origin, projectId) => `${origin}/volume/v3/${projectId}` },
];

export const catalogue = (origin: string, projectId: string) =>
  entries.map(({ type, name, url }) => ({
    endpoints: ["admin", "internal", "public"].map((face) => ({
      id: `${type}-${face}`,
      interface: face,
      region_id: "RegionOne",
      url: url(origin, projectId),
      region: "RegionOne",
    })),
    id: `service-${type}`,
    type,
    name,
  }));
