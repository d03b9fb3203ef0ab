import { check } from "../../test/audit/cases.ts";
import { point } from "../../test/audit/builders.ts";
import type { ListedBackup } from "./listing.ts";

/** Fulls of one volume each, expired, with a newer full that stays; `count` of them. */
function night(count: number, project: string, created = "2026-01-01T00:00:00"): ListedBackup[] {
  return Array.from({ length: count }, (_, i) =>
    point({ id: `${project}-${created.slice(8, 10)}-${i}`, volume: `${project}-v${i}`, project, created }),
  );
}
const ids = (backups: readonly ListedBackup[]): string[] => backups.map((each) => each.id);

const old = night(11, "p1");
const kept = night(11, "p1", "2026-01-02T00:00:00");
const elsewhere = night(11, "p2");
const keptElsewhere = night(11, "p2", "2026-01-02T00:00:00");
const came = point({ id: "f4", volume: "p1-v0", created: "2026-01-20T12:00:00" });
const tooMany = [["brake-exceeded", "failure", ids(old)]] as const;

check("the brake", [
  { name: "ten in a project may go", before: [...old, ...kept], gone: ids(old).slice(1), want: [] },
  { name: "eleven may not", before: [...old, ...kept], gone: ids(old), want: tooMany },
  {
    name: "each project has its own",
    before: [...old, ...kept, ...elsewhere, ...keptElsewhere],
    gone: [...ids(old).slice(1), ...ids(elsewhere).slice(1)],
    want: [],
  },
  {
    name: "another project's deletions are not counted here, nor its points",
    before: [...old, ...kept, ...night(200, "p2", "2026-01-02T00:00:00")],
    gone: ids(old),
    want: tooMany,
  },
  {
    name: "15 of a hundred may go",
    before: [...night(15, "p1"), ...night(85, "p1", "2026-01-02T00:00:00")],
    gone: ids(night(15, "p1")),
    want: [],
  },
  {
    name: "15 of 99 may not",
    before: [...night(15, "p1"), ...night(84, "p1", "2026-01-02T00:00:00")],
    gone: ids(night(15, "p1")),
    want: [["brake-exceeded", "failure", ids(night(15, "p1"))]],
  },
  {
    name: "but what came since counts as a point, good or not",
    before: [...night(15, "p1"), ...night(84, "p1", "2026-01-02T00:00:00")],
    gone: ids(night(15, "p1")),
    came: [{ ...came, status: "error" }],
    want: [["in-error", "warning", ["f4"]]],
  },
  {
    name: "one more for each that turned good since the earlier listing",
    before: [...old, ...kept],
    gone: ids(old),
    came: [came],
    want: [],
  },
  {
    name: "or in the 24 hours before it",
    before: [...old, ...kept, ...night(1, "p1", "2026-01-19T01:00:00")],
    gone: ids(old),
    want: [],
  },
  {
    name: "or later than that, when it was not good yet",
    before: [
      ...old,
      ...kept,
      ...night(1, "p1", "2026-01-19T00:00:00").map((each) => ({ ...each, status: "creating" })),
    ],
    gone: ids(old),
    came: night(1, "p1", "2026-01-19T00:00:00"),
    want: [],
  },
  {
    name: "not for what was good more than a day before",
    before: [...old, ...kept, ...night(1, "p1", "2026-01-19T00:58:00")],
    gone: ids(old),
    want: tooMany,
  },
  {
    name: "not for what was good in another project",
    before: [...old, ...kept, ...night(1, "p2", "2026-01-19T12:00:00")],
    gone: ids(old),
    want: tooMany,
  },
  {
    name: "nor for what turned good there",
    before: [...old, ...kept],
    gone: ids(old),
    came: [{ ...came, projectId: "p2" }],
    want: tooMany,
  },
  {
    name: "not for what failed",
    before: [...old, ...kept],
    gone: ids(old),
    came: [{ ...came, status: "error" }],
    want: [...tooMany, ["in-error", "warning", ["f4"]]],
  },
  {
    name: "twice as many in more than a day",
    before: [...old, ...kept],
    at: "2026-01-21T01:00:00Z",
    gone: ids(old),
    want: [],
  },
  {
    name: "a permitted prune is not counted",
    before: [...old, ...kept],
    gone: ids(old),
    options: { permittedPrunes: ["p1-v0"] },
    want: [],
  },
  {
    name: "what was deleting in the earlier listing was counted then",
    before: [{ ...old[0]!, status: "deleting", updatedAt: "2026-01-20T00:59:00.000Z" }, ...old.slice(1), ...kept],
    gone: ids(old),
    want: [],
  },
  {
    name: "what users delete is not counted",
    before: [...old.map((each, i) => (i === 0 ? { ...each, userId: "alice", metadata: {} } : each)), ...kept],
    gone: ids(old),
    want: [["foreign-removed", "information", [old[0]!.id]]],
  },
  {
    name: "an override lifts it for its project",
    before: [...old, ...kept],
    gone: ids(old),
    options: { brakeOverrides: [{ projectId: "p1", count: 1, expiresAt: new Date("2026-01-20T01:00:00Z") }] },
    want: [],
  },
  {
    name: "not for another",
    before: [...old, ...kept],
    gone: ids(old),
    options: { brakeOverrides: [{ projectId: "p2", count: 1, expiresAt: new Date("2026-01-20T01:00:00Z") }] },
    want: tooMany,
  },
  {
    name: "nor after its expiry",
    before: [...old, ...kept],
    gone: ids(old),
    options: { brakeOverrides: [{ projectId: "p1", count: 1, expiresAt: new Date("2026-01-20T00:58:00Z") }] },
    want: tooMany,
  },
  {
    name: "a cloud with a stricter brake",
    before: [...old, ...kept],
    gone: ids(old).slice(0, 4),
    options: { brake: { least: 3, percentOfPoints: 0 } },
    want: [["brake-exceeded", "failure", ids(old).slice(0, 4)]],
  },
]);
