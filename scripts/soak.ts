/** `npm run soak`: what takes too long for every change. 200 nights of kill -9, fuzzed requests to the policy hook, the properties of src/domain in a million cases each, mutation testing of src/domain. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const bin = join(root, "node_modules", ".bin");

const steps: readonly (readonly [
  name: string,
  command: string,
  args: readonly string[],
  env: Record<string, string>,
])[] = [
  [
    "200 nights of kill -9",
    process.execPath,
    ["--test", join(root, "test/simulation/crash.test.ts")],
    { CRASH_NIGHTS: "200" },
  ],
  [
    "100,000 fuzzed requests to the policy hook",
    process.execPath,
    ["--test", join(root, "src/api/policy-hook/fuzz.property.test.ts")],
    { HOOK_FUZZ_RUNS: "100000" },
  ],
  [
    "the five rules in 1,000,000 small worlds",
    process.execPath,
    ["--test", join(root, "test/unit/five-rules.test.ts")],
    { FIVE_RULES_RUNS: "1000000" },
  ],
  [
    "1,000,000 schedules in sixteen zones",
    process.execPath,
    ["--test", join(root, "src/domain/slots.property.test.ts")],
    { SCHEDULE_RUNS: "1000000" },
  ],
  [
    "1,000,000 histories kept by counts",
    process.execPath,
    ["--test", join(root, "src/domain/thinning.property.test.ts"), join(root, "test/unit/audit-thinning.test.ts")],
    { THINNING_RUNS: "1000000" },
  ],
  [
    "1,000,000 requests for another retention",
    process.execPath,
    ["--test", join(root, "src/domain/held-retention.test.ts")],
    { HELD_RETENTION_RUNS: "1000000" },
  ],
  [
    "plans for 1,000,000 clouds",
    process.execPath,
    ["--test", join(root, "src/domain/planner.property.test.ts")],
    { PLANNER_RUNS: "1000000" },
  ],
  [
    "plans of several policies for 1,000,000 clouds",
    process.execPath,
    ["--test", join(root, "test/unit/several-policies.test.ts")],
    { SEVERAL_POLICIES_RUNS: "1000000" },
  ],
  [
    "rotation of 1,000,000 clouds",
    process.execPath,
    ["--test", join(root, "test/unit/rotation-properties.test.ts")],
    { ROTATION_RUNS: "1000000" },
  ],
  ["mutation testing of src/domain", join(bin, "stryker"), ["run"], {}],
];

for (const [name, command, args, env] of steps) {
  console.log(`\n=== ${name}`);
  const began = performance.now();
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  console.log(
    `=== ${name}: ${status === 0 ? "passed" : "failed"} after ${Math.round((performance.now() - began) / 1000)} s`,
  );
  if (status !== 0) process.exitCode = 1;
}
