import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Argument, Option } from "commander";
import { LeaseHeld, LeaseLost } from "../conductor/lease.ts";
import { ConfigError } from "../config/errors.ts";
import { environmentOf } from "../config/testing.ts";
import type { Clock } from "../domain/clock.ts";
import { AuthenticationFailed, CloudError, ConnectionError, type CloudErrorFields } from "../openstack/errors.ts";
import { StoreError, StoreLockedError } from "../store/errors.ts";
import { AuditError } from "../audit/errors.ts";
import type { Command, Context, Given } from "./command.ts";
import { CommandError, exit, UsageError } from "./exit-codes.ts";
import { runCommandLine } from "./testing.ts";

/** A command that hands what it gets to the test. */
const probe = (run: Command["run"], rest: Partial<Command> = {}): Command => ({
  path: "thing do",
  summary: "do a thing",
  run,
  ...rest,
});

const ok: Command["run"] = () => Promise.resolve(exit.ok);

const throwing = (error: Error): Command => probe(() => Promise.reject(error));

describe("runProgram", () => {
  it("gives a command its options and arguments, those of the program before or after it", async () => {
    const seen: Given<object>[] = [];
    const command = probe(
      (given) => {
        seen.push(given);
        return Promise.resolve(exit.partial);
      },
      {
        printsData: true,
        options: [new Option("--dry-run", "change nothing")],
        arguments: [new Argument("<name>", "of the thing")],
      },
    );
    const lines = [
      ["--cloud", "a", "thing", "do", "x", "--dry-run", "--json"],
      ["thing", "do", "--json", "--dry-run", "x", "--cloud", "a"],
    ];
    for (const argv of lines) {
      assert.deepEqual(await runCommandLine(argv, { commands: [command] }), { exitCode: 3, stdout: "", stderr: "" });
    }
    const want = { options: { cloud: "a", dryRun: true, json: true }, arguments: ["x"] };
    assert.deepEqual(seen, [want, want]);
  });

  it("prints version and help on standard output", async () => {
    const commands = [probe(ok)];
    assert.deepEqual(await runCommandLine(["--version"], { commands }), { exitCode: 0, stdout: "1.2.3\n", stderr: "" });
    const help = await runCommandLine(["thing", "do", "--help"], { commands });
    assert.equal(help.exitCode, 0);
    assert.match(help.stdout, /^Usage: dirigent thing do \[options\]\n\ndo a thing\.\n/);
    assert.match(help.stdout, /--log-level <level>/);
    assert.doesNotMatch(help.stdout, /--json/);
  });

  it("answers a usage error with one sentence, the way to help, and exit status 2", async () => {
    const commands = [probe(ok, { arguments: [new Argument("<name>", "of it")] })];
    const help = "Run 'dirigent thing do --help' for what it takes.\n";
    const top = "Run 'dirigent --help' for the commands there are.\n";
    const cases: readonly (readonly [string[], string])[] = [
      [["thing", "do"], `dirigent: missing required argument 'name'\n${help}`],
      [["thing", "do", "x", "--cluod"], `dirigent: unknown option '--cluod'\n(Did you mean --cloud?)\n${help}`],
      [
        ["thing", "do", "x", "y"],
        `dirigent: too many arguments for 'do'. Expected 1 argument but got 2: x, y.\n${help}`,
      ],
      [["thign"], `dirigent: unknown command 'thign'\n(Did you mean thing?)\n${top}`],
      [["--config"], `dirigent: option '--config <file>' argument missing\n${top}`],
    ];
    for (const [argv, stderr] of cases) {
      assert.deepEqual(await runCommandLine(argv, { commands }), { exitCode: 2, stdout: "", stderr });
    }
    const bare = await runCommandLine([], { commands });
    assert.deepEqual([bare.exitCode, bare.stdout], [2, ""]);
    assert.match(bare.stderr, /^Usage: dirigent/);
  });

  it("maps what commands throw to exit codes, with a line for people", async () => {
    const fields: CloudErrorFields = {
      kind: "answer",
      service: "identity",
      method: "POST",
      route: "auth/tokens",
      status: 401,
      requestId: null,
      sentRequestId: null,
      reached: "yes",
    };
    const abort = new Error("stop");
    abort.name = "AbortError";
    const unauthorized = "POST identity/auth/tokens answered 401: no";
    const cases: readonly (readonly [Error, number, string])[] = [
      [new UsageError("--a needs --b"), 2, "--a needs --b"],
      [new CommandError(exit.leaseHeld, "held by ctl2"), 11, "held by ctl2"],
      [new ConfigError(["x is wrong"]), 10, "configuration: x is wrong"],
      [new ConfigError(["x", "y"]), 10, "configuration: 2 problems\n  x\n  y"],
      [new ConnectionError("no CA"), 10, "no CA"],
      [new AuthenticationFailed("no", fields), 12, unauthorized],
      [new CloudError("no", fields), 12, unauthorized],
      [new CloudError("no", { ...fields, status: 503 }), 1, "POST identity/auth/tokens answered 503: no"],
      [new CloudError("x", { ...fields, status: null, kind: "aborted" }), 130, "interrupted"],
      [abort, 130, "interrupted"],
      [new StoreLockedError("busy", { transient: false }), 11, "busy"],
      [new LeaseHeld(), 11, "another conductor holds the lease; stop it, or wait until its lease has run out"],
      [new LeaseLost(), 11, "the lease was taken over by another conductor; nothing more is sent from here"],
      [new StoreError("gone", { transient: true }), 1, "gone"],
      [new AuditError("auth", "refused"), 12, "refused"],
      [new AuditError("usage", "no ids"), 2, "no ids"],
      [new AuditError("unreachable", "away"), 1, "away"],
    ];
    for (const [error, exitCode, message] of cases) {
      const ran = await runCommandLine(["thing", "do"], { commands: [throwing(error)] });
      assert.deepEqual(ran, { exitCode, stdout: "", stderr: `dirigent: ${message}\n` });
    }
  });

  it("shows the stack of an error that has no name, and escapes what came from outside", async () => {
    const { exitCode, stderr } = await runCommandLine(["thing", "do"], {
      commands: [throwing(new Error("a\u001b[2Jb"))],
    });
    assert.equal(exitCode, 1);
    assert.match(stderr, /^dirigent: an error that nobody expected; please report it:\nError: a\\x1b\[2Jb\n {4}at /);
  });

  it("reads the configuration only when a command asks for it, once, with the options on top", async () => {
    const environment = environmentOf({ files: { "/c.yaml": "log: {level: error}\nlimits: {global: 7}" } });
    const command = probe((_given, context) => {
      const settings = context.settings();
      assert.equal(context.settings(), settings);
      assert.deepEqual([settings.limits.global, settings.log.level], [7, "debug"]);
      assert.equal(settings.openstack.writer.cloud, "b");
      return Promise.resolve(exit.ok);
    });
    const argv = ["thing", "do", "--config", "/c.yaml", "--cloud", "b", "--log-level", "debug"];
    assert.deepEqual(await runCommandLine(argv, { commands: [command], environment }), {
      exitCode: 0,
      stdout: "",
      stderr: "",
    });
    const untouched = await runCommandLine(["thing", "do", "--config", "/gone"], {
      commands: [probe(ok)],
      environment,
    });
    assert.equal(untouched.exitCode, 0);
  });
});

describe("signals", () => {
  /** A clock whose sleeps end when the test says so. */
  const held = () => {
    const sleeps: { ms: number; end: () => void; aborted: boolean }[] = [];
    const clock: Clock = {
      now: () => new Date(0),
      monotonicMs: () => 0,
      sleep: (ms, signal) => {
        const { promise, resolve, reject } = Promise.withResolvers<undefined>();
        const entry = { ms, end: () => resolve(undefined), aborted: false };
        sleeps.push(entry);
        signal?.addEventListener("abort", () => {
          entry.aborted = true;
          reject(new Error("ended"));
        });
        return promise;
      },
    };
    return { clock, sleeps };
  };

  const run = async (
    rest: Partial<Command>,
    script: (context: Context, send: { first: () => void; second: () => void }) => Promise<void> | void,
  ) => {
    const first = new AbortController();
    const second = new AbortController();
    const { clock, sleeps } = held();
    const command = probe(async (_given, context) => {
      await script(context, { first: () => first.abort(), second: () => second.abort() });
      return exit.ok;
    }, rest);
    const world = { clock, firstSignal: first.signal, secondSignal: second.signal };
    const ran = await runCommandLine(["thing", "do"], { commands: [command], world });
    assert.equal(ran.exitCode, 0, ran.stderr);
    return sleeps;
  };

  it("cut a command that does not drain at the first one", async () => {
    const sleeps = await run({}, ({ signals }, send) => {
      assert.deepEqual([signals.drain.aborted, signals.cut.aborted], [false, false]);
      send.first();
      assert.deepEqual([signals.drain.aborted, signals.cut.aborted], [true, true]);
    });
    assert.equal(sleeps.length, 0);
  });

  it("let a draining command go on until the grace is over", async () => {
    const before: Context[] = [];
    const { clock, sleeps } = held();
    const first = new AbortController();
    const command = probe(
      async (_given, context) => {
        before.push(context);
        first.abort();
        assert.deepEqual([context.signals.drain.aborted, context.signals.cut.aborted], [true, false]);
        sleeps[0]?.end();
        await Promise.resolve();
        await Promise.resolve();
        assert.equal(context.signals.cut.aborted, true);
        return exit.ok;
      },
      { drains: true },
    );
    const environment = environmentOf({ variables: { DIRIGENT_CONDUCTOR_SHUTDOWN_GRACE: "90s" } });
    const world = { clock, firstSignal: first.signal };
    const ran = await runCommandLine(["thing", "do"], { commands: [command], world, environment });
    assert.deepEqual(ran, { exitCode: 0, stdout: "", stderr: "" });
    assert.deepEqual(
      sleeps.map(({ ms, aborted }) => [ms, aborted]),
      [[90_000, true]],
    );
  });

  it("do not fail a draining command that needs no configuration by a bad one", async () => {
    const { clock, sleeps } = held();
    const first = new AbortController();
    const command = probe(
      () => {
        first.abort();
        return Promise.resolve(exit.ok);
      },
      { drains: true },
    );
    const environment = environmentOf({ variables: { DIRIGENT_CONDUCTOR_SHUTDOWN_GRACE: "soon" } });
    const ran = await runCommandLine(["thing", "do"], {
      commands: [command],
      world: { clock, firstSignal: first.signal },
      environment,
    });
    assert.deepEqual(ran, { exitCode: 0, stdout: "", stderr: "" });
    assert.deepEqual(
      sleeps.map(({ ms }) => ms),
      [600_000],
    );
  });

  it("cut a draining command at the second one", async () => {
    const sleeps = await run({ drains: true }, ({ signals }, send) => {
      send.first();
      assert.equal(signals.cut.aborted, false);
      send.second();
      assert.equal(signals.cut.aborted, true);
    });
    assert.equal(sleeps[0]?.aborted, true, "the grace's timer does not outlive the command");
  });
});
