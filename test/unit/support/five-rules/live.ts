import { Machine } from "./machine.ts";
import { assertSubset, Oracle } from "./oracle.ts";
import type { Event, Scenario } from "./scenario.ts";

/** Lives through all that happens; whatever our code decides on the way is judged. @returns what was seen */
export function live(scenario: Scenario): Set<string> {
  const seen = new Set<string>();
  let oracle!: Oracle;
  const machine = new Machine(scenario, (made) => (oracle = new Oracle(made, seen)));
  for (const event of scenario.events) happen(event, machine, oracle);
  return seen;
}

function happen(event: Event, machine: Machine, oracle: Oracle): void {
  const { world } = machine;
  switch (event.kind) {
    case "pass":
      oracle.compares = event.compares;
      machine.pass(event);
      return;
    case "tag": {
      byItself(oracle, "tag", () => void world.ask("server", event.server, ["backup", event.value]));
      return;
    }
    case "ask":
      oracle.asked(world.ask(event.of, event.at, [event.key, event.value]), event.key);
      return;
    case "policy":
      if (event.change === "remove") byItself(oracle, "policy", () => machine.change(event.at, event.change));
      else machine.change(event.at, event.change);
      return;
    case "tamper": {
      world.tamper(event.at, event.what);
      return;
    }
    case "make": {
      world.bring(event.volume, event.what);
      return;
    }
    case "volume": {
      world.change(event.at, event.change);
      return;
    }
    case "database": {
      machine.setDatabase(event.becomes);
      return;
    }
  }
}

/** That a tag or a policy is taken away deletes nothing by itself. */
function byItself(oracle: Oracle, what: "tag" | "policy", change: () => void): void {
  const before = oracle.dead();
  const settled = (id: string): boolean => what === "tag" || oracle.isSettled(id);
  const wasSettled = new Set<string>();
  for (const id of oracle.pointIds()) if (settled(id)) wasSettled.add(id);
  change();
  const now = [...oracle.dead()].filter((id) => wasSettled.has(id));
  assertSubset(new Set(now), before, `a ${what} is taken away, and that deletes`);
}

/** Takes away all tags, then all policies but the built-in one, some time after the nights of the beginning. @returns whether anything was dead */
export function takeAway(scenario: Scenario): boolean {
  let oracle!: Oracle;
  const machine = new Machine(scenario, (made) => (oracle = new Oracle(made, new Set())));
  for (const event of scenario.events) if (event.kind === "pass") machine.world.nowMs += event.gapMs;
  const before = oracle.dead();
  for (const server of machine.world.servers.keys()) {
    byItself(oracle, "tag", () => void machine.world.ask("server", server, ["backup", null]));
  }
  for (const at of scenario.policies.keys()) {
    byItself(oracle, "policy", () => {
      machine.change(at, "remove");
    });
  }
  return before.size > 0;
}
