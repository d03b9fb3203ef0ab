import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openPolicySource } from "../../src/conductor/policy-source.ts";
import { settings, startNight } from "./support/night.ts";

void describe("policy files of a running conductor", () => {
  it("go wrong without stopping it: the last good ones stay, the trail tells once, each run knows its version", async (t) => {
    const night = await startNight();
    t.after(() => night.close());
    const { accounts, repository, simulator } = night;
    simulator.seed.setRole(accounts.writer.id, "member", { domainId: "default" });
    const project = simulator.seed.project({ name: "tenant" });
    const server = simulator.seed.server({ projectId: project.id, name: "vm", metadata: { backup: "yes" } });
    simulator.seed.volume({ projectId: project.id, serverId: server.id });

    let text = "rules: [{name: all, match: {}, policies: default}]\n";
    const policySource = openPolicySource({
      files: () => ({ policies: { path: "/p.yaml", text }, rules: null }),
      defaults: () => ({ timeZone: "UTC", container: null, builtIn: settings.policy }),
    });
    const valid: boolean[] = [];
    const change = {
      policySource,
      policyBook: () => policySource.book(),
      onPolicyFiles: (isValid: boolean) => void valid.push(isValid),
    };
    const outcomes = [];
    for (const next of [text, "rules: [{name: all}]\n", "rules: [{name: all}]\n", `${text}# mended\n`]) {
      text = next;
      outcomes.push((await night.once(change)).outcome);
      night.clock.advance(60_000);
    }
    assert.deepEqual(outcomes, ["ok", "ok", "ok", "ok"]);
    assert.deepEqual(valid, [true, false, false, true]);
    const runs = (await repository.runs({ limit: 10 })).toReversed();
    const [first, , , last] = runs.map(({ policyVersion }) => policyVersion);
    assert.match(first ?? "", /^[0-9a-f]{16}$/);
    assert.deepEqual(
      runs.map(({ policyVersion }) => policyVersion),
      [first, first, first, last],
    );
    assert.notEqual(first, last);
    const told = (await repository.operations({ kinds: ["notice"] })).map(({ runId, reason, message }) => ({
      run: runs.findIndex(({ id }) => id === runId),
      reason,
      message,
    }));
    assert.deepEqual(told, [
      {
        run: 1,
        reason: "policies_invalid",
        message: [
          "/p.yaml:1:9: rules[0].match is missing; allowed: a match, or {} for everything there is",
          "/p.yaml:1:9: rules[0] does nothing; allowed: policies, retention with continue: true, or exclude: true",
        ].join("\n"),
      },
      { run: 3, reason: "policies_changed", message: `version ${last ?? ""}` },
    ]);
  });
});
