import { keptChart, livesChart, storageChart } from "../../../src/cli/simulate/charts.ts";
import { svg, type Picture } from "../../../src/cli/simulate/svg.ts";
import { defaultPolicy, type Policy, type ThinningRule } from "../../../src/domain/policy.ts";
import { simulate, type Simulation } from "../../../src/domain/simulate.ts";

/** The pictures of docs/schedules.md, by what the conductor itself decides by. `npm run docs` writes them. */

const timeZone = "Europe/Berlin";
const thinning: ThinningRule = {
  last: 0,
  hourly: 0,
  daily: 7,
  weekly: 4,
  monthly: 12,
  yearly: 2,
  countFrom: "newest",
  minimumKeep: 1,
  timeZone,
};
const daily: Policy = {
  ...defaultPolicy,
  schedule: { kind: "daily", at: "02:30" },
  timeZone,
  catchUp: "once",
};
const grandfather: Policy = { ...daily, name: "gold", retentionMs: 0, thinning };

const play = (policy: Policy): Simulation =>
  simulate({
    policy,
    from: new Date("2025-12-31T23:00:00Z"),
    until: new Date("2028-02-18T23:00:00Z"),
    sizeGiB: 100,
    dailyChange: 0.02,
  });

/** A Friday. */
const at = new Date("2028-02-18T22:59:59Z");
const kept = (simulation: Simulation): Picture => keptChart(simulation.existingAt(at), at, timeZone);

/** By the name of the file in docs/images. */
export function policyPictures(): ReadonlyMap<string, string> {
  const byAge = play(daily);
  const fulls = play({ ...grandfather, fullEvery: 1 });
  const chains = play(grandfather);
  const snapshots = play({ ...grandfather, mechanisms: ["snapshot"] });
  const pictures: readonly (readonly [name: string, picture: Picture])[] = [
    ["kept-17d", kept(byAge)],
    ["kept-gfs-full", kept(fulls)],
    ["kept-gfs-chains", kept(chains)],
    ["lives-gfs-full", livesChart(fulls)],
    ["storage-gfs-full", storageChart(fulls)],
    ["storage-gfs-chains", storageChart(chains)],
    ["storage-gfs-snapshots", storageChart(snapshots)],
  ];
  return new Map(pictures.map(([name, picture]) => [`${name}.svg`, svg(picture, true)]));
}
