import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { foreign, later, listing, point, rules } from "../../test/audit/builders.ts";
import { audit } from "./audit.ts";
import type { ListedBackup, Listing } from "./listing.ts";

const dayMs = 24 * 3_600_000;
const beforeMs = Date.parse("2026-03-01T00:00:00Z");
const nowMs = beforeMs + dayMs / 2;
const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 19);

interface Member {
  readonly status: "available" | "error" | "deleting";
  readonly held: boolean;
  readonly expired: boolean;
  readonly bad: boolean;
}
type Chain = readonly Member[];
/** Chains of each volume, oldest first. */
type Cloud = readonly (readonly Chain[])[];

const member: fc.Arbitrary<Member> = fc.record({
  status: fc.constantFrom("available", "available", "available", "available", "error"),
  held: fc.integer({ max: 9, min: 0 }).map((n) => n === 0),
  expired: fc.integer({ max: 4, min: 0 }).map((n) => n > 0),
  bad: fc.integer({ max: 9, min: 0 }).map((n) => n === 0),
});
const cloudOf = (each: fc.Arbitrary<Member>): fc.Arbitrary<Cloud> =>
  fc.array(fc.array(fc.array(each, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 3,
  });
const clouds = cloudOf(member);

/** Each chain a column of a month, each member a day of it; long before the listings. */
const idOf = (volume: number, chain: number, place: number): string => `v${volume}-c${chain}-${place}`;

function toBackups(cloud: Cloud): ListedBackup[] {
  return cloud.flatMap((chains, v) =>
    chains.flatMap((chain, c) =>
      chain.map((each, m) =>
        point({
          id: idOf(v, c, m),
          volume: `v${v}`,
          created: iso(beforeMs - (60 - c * 10 - m) * dayMs),
          status: each.status,
          ...(m > 0 && { parent: idOf(v, c, m - 1) }),
          keepUntil: `${iso(nowMs + (each.expired ? 0 : 1000))}Z`,
          marks: {
            ...(each.held && { "dirigent:hold": "yes" }),
            ...(each.bad && { "dirigent:verdict": "bad" }),
          },
        }),
      ),
    ),
  );
}

const users = [0, 1, 2].map((n) => foreign({ id: `u${n}`, created: "2026-02-01T00:00:00" }));
const toListing = (cloud: Cloud): Listing =>
  listing({ at: `${iso(beforeMs)}Z`, points: [...toBackups(cloud), ...users], volumes: [] });
const remove = (before: Listing, gone: readonly string[]): Listing => later(before, `${iso(nowMs)}Z`, { gone });

/** The codes of rules 1 and 2 that stop a night; states and marks are not about deletions. */
const failures = (before: Listing, now: Listing): string[] =>
  audit(before, now, { ...rules, strictForeign: true })
    .filter((each) => each.severity === "failure")
    .map((each) => each.code);

/** How many members at the beginning of a chain are good. */
function goodMembers(chain: Chain): number {
  const first = chain.findIndex((each) => each.status !== "available" || each.bad);
  return first === -1 ? chain.length : first;
}

const newestGoodChain = (chains: readonly Chain[]): number => chains.findLastIndex((chain) => goodMembers(chain) > 0);

/** The design's rule, said once more: what may be gone of one chain of a volume, newest members first. */
function mayGo(chains: readonly Chain[], index: number): boolean {
  const isSuperseded = (each: Member) =>
    each.status === "error" && chains.some((chain, c) => c > index && goodMembers(chain) > 0);
  const isUnwanted = (each: Member) => !each.held && (each.expired || isSuperseded(each));
  return chains[index]!.every(isUnwanted) && index !== newestGoodChain(chains);
}

describe("audit of what went", () => {
  it("says nothing when nothing went", () => {
    fc.assert(
      fc.property(clouds, (cloud) => {
        assert.deepEqual(failures(toListing(cloud), remove(toListing(cloud), [])), []);
      }),
    );
  });

  it("says nothing when the newer part of chains went from which nothing is wanted", () => {
    let audited = 0;
    fc.assert(
      fc.property(clouds, fc.infiniteStream(fc.nat(4)), (cloud, cuts) => {
        const gone = cloud.flatMap((chains, v) =>
          chains.flatMap((chain, c) => {
            const cut = Number(cuts.next().value);
            return mayGo(chains, c) ? chain.flatMap((_, m) => (m >= cut ? [idOf(v, c, m)] : [])) : [];
          }),
        );
        // The brake is another matter.
        const within = gone.length <= 10;
        if (within) assert.deepEqual(failures(toListing(cloud), remove(toListing(cloud), gone)), []);
        if (within && gone.length > 0) audited += 1;
      }),
    );
    assert.ok(audited > 20, `only ${audited} clouds had something to delete`);
  });

  it("says something when anything else went", () => {
    const arbitrary = clouds.chain((cloud) => {
      const ids = [...toBackups(cloud), ...users].map((each) => each.id);
      return fc.record({ cloud: fc.constant(cloud), gone: fc.subarray(ids, { minLength: 1 }) });
    });
    let wrong = 0;
    fc.assert(
      fc.property(arbitrary, ({ cloud, gone }) => {
        const went = new Set(gone);
        const right =
          !gone.some((id) => id.startsWith("u")) &&
          gone.length <= 10 &&
          cloud.every((chains, v) =>
            chains.every((chain, c) => {
              const places = chain.map((_, m) => went.has(idOf(v, c, m)));
              const isNewerPart = places.every((gone, m) => !gone || places.slice(m).every(Boolean));
              return !places.includes(true) || (isNewerPart && mayGo(chains, c));
            }),
          );
        if (!right) wrong += 1;
        assert.equal(failures(toListing(cloud), remove(toListing(cloud), gone)).length === 0, right);
      }),
      { numRuns: 500 },
    );
    assert.ok(wrong > 100, `only ${wrong} of the deletions were wrong`);
  });

  it("never lets the newest good chain of a volume go, whatever is expired", () => {
    const expired = cloudOf(member.map((each) => ({ ...each, expired: true, held: false })));
    fc.assert(
      fc.property(expired, (cloud) => {
        const volume = cloud.findIndex((chains) => newestGoodChain(chains) !== -1);
        fc.pre(volume !== -1);
        const chains = cloud[volume]!;
        const newest = newestGoodChain(chains);
        const lastGood = goodMembers(chains[newest]!) - 1;
        const gone = chains[newest]!.flatMap((_, m) => (m >= lastGood ? [idOf(volume, newest, m)] : []));
        const want = chains.slice(0, newest).some((chain) => goodMembers(chain) > 0) || lastGood > 0;
        const codes = failures(toListing(cloud), remove(toListing(cloud), gone));
        assert.ok(codes.includes(want ? "newest-chain-broken" : "last-good-lost"), codes.join());
      }),
    );
  });

  it("says of backups and snapshots together what it says of each alone, but for the brake", () => {
    const alone = fc.array(fc.array(fc.tuple(member), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 });
    const gone = fc.infiniteStream(fc.integer({ max: 3, min: 0 }).map((n) => n === 0));
    let said = 0;
    fc.assert(
      fc.property(clouds, alone, gone, (ofBackups, ofSnapshots, coins) => {
        const snapshots = toBackups(ofSnapshots).map((each): ListedBackup => ({
          ...each,
          mechanism: "snapshot",
          id: `snapshot-${each.id}`,
          metadata: { ...each.metadata, "dirigent:key": `${each.metadata["dirigent:key"] ?? ""}/snapshot` },
        }));
        const went = [...toBackups(ofBackups), ...snapshots].flatMap((each) => (coins.next().value ? each.id : []));
        const told = (...points: readonly ListedBackup[]): string[] => {
          const before = listing({ at: `${iso(beforeMs)}Z`, points: [...points, ...users], volumes: [] });
          return audit(before, remove(before, went), { ...rules, strictForeign: true })
            .filter(({ code }) => code !== "brake-exceeded")
            .map(({ code, backupIds }) => [code, ...backupIds].join(" "))
            .sort();
        };
        const together = told(...toBackups(ofBackups), ...snapshots);
        assert.deepEqual(together, [...told(...toBackups(ofBackups)), ...told(...snapshots)].sort());
        if (together.some((each) => each.includes("snapshot-"))) said += 1;
      }),
      { numRuns: 500 },
    );
    assert.ok(said > 100, `only ${said} clouds had something wrong with snapshots`);
  });
});
