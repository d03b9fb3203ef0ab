import type { Command } from "../command.ts";
import { exit } from "../exit-codes.ts";

export const policyCommand: Command = {
  path: "policy",
  summary: "answer Cinder's question whether a backup may be deleted (policy hook)",
  description:
    "Answers oslo.policy's HTTP check for Cinder, so that automated backups and snapshots can be deleted and changed by the conductor alone. " +
    "Keeps no state; several may run behind a load balancer. Runs until SIGTERM.",
  async run(_given, context) {
    const { runPolicyHook } = await import("../run-policy-hook.ts");
    await runPolicyHook(context);
    return exit.ok;
  },
};
