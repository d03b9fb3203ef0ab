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
      const change = (): void => void world.ask("server", event.server, ["backup", event.value]);
      byItself(oracle, { change, what: "tag" });
      return;
    }
    case "ask":
      oracle.asked(world.ask(event.of, event.at, [event.key, event.value]), event.key);
      return;
    case "policy": {
      const change = (): void => {
        machine.change(event.at, event.change);
      };
      if (event.change === "remove") byItself(oracle, { change, what: "policy" });
      else change();
      return;
    }
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

/** That a tag or a policy is taken away deletes nothing by itself. @param before what is dead @returns what is dead after it */
function byItself(
  oracle: Oracle,
  { before = oracle.dead(), change, what }: { before?: Set<string>; change: () => void; what: "tag" | "policy" },
): Set<string> {
  const settled = (id: string): boolean => what === "tag" || oracle.isSettled(id);
  const wasSettled = new Set<string>();
  for (const id of oracle.pointIds()) if (settled(id)) wasSettled.add(id);
  change();
  const now = oracle.dead();
  assertSubset(now.intersection(wasSettled), before, `a ${what} is taken away, and that deletes`);
  return now;
}

/** Takes away all tags, then all policies but the built-in one, some time after the nights of the beginning. @returns whether anything was dead */
export function takeAway(scenario: Scenario): boolean {
  let oracle!: Oracle;
  const machine = new Machine(scenario, (made) => (oracle = new Oracle(made, new Set())));
  for (const event of scenario.events) if (event.kind === "pass") machine.world.nowMs += event.gapMs;
  const first = oracle.dead();
  let before = first;
  for (const server of machine.world.servers.keys()) {
    const change = (): void => void machine.world.ask("server", server, ["backup", null]);
    before = byItself(oracle, { before, change, what: "tag" });
  }
  for (const at of scenario.policies.keys()) {
    const change = (): void => {
      machine.change(at, "remove");
    };
    before = byItself(oracle, { before, change, what: "policy" });
  }
  return first.size > 0;
}
