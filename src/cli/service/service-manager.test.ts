import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { environmentOf } from "../../config/testing.ts";
import { silentLogger } from "../../domain/log.ts";
import { serviceManager } from "./service-manager.ts";

const underSystemd = environmentOf({ variables: { NOTIFY_SOCKET: "/run/systemd/notify", WATCHDOG_USEC: "60000000" } });

describe("serviceManager", () => {
  it("tells nobody where nobody listens", async () => {
    const deliver = () => assert.fail("nobody is there");
    const manager = serviceManager(environmentOf({ variables: { WATCHDOG_USEC: "60000000" } }), {
      log: silentLogger,
      deliver,
    });
    manager.ready();
    manager.status("working");
    manager.alive();
    await manager.settled();
    assert.equal(manager.watchdogMs, null);
  });

  it("delivers in order, one at a time; of several states only the newest", async () => {
    const delivered: (readonly string[])[] = [];
    let release = (): void => undefined;
    const manager = serviceManager(underSystemd, {
      log: silentLogger,
      deliver: async (assignments) => {
        delivered.push(assignments);
        await new Promise<void>((resolve) => {
          release = resolve;
          if (delivered.length > 1) resolve();
        });
      },
    });
    manager.ready();
    manager.status("one\nline");
    await Promise.resolve();
    await Promise.resolve();
    manager.status("passing");
    manager.alive();
    manager.status("newest");
    manager.reloading();
    manager.ready();
    manager.stopping(90_000);
    release();
    await manager.settled();
    assert.deepEqual(delivered, [
      ["READY=1", "STATUS=one line"],
      ["STATUS=newest", "WATCHDOG=1"],
      ["RELOADING=1"],
      ["READY=1"],
      ["STOPPING=1", "EXTEND_TIMEOUT_USEC=90000000"],
    ]);
    assert.equal(manager.watchdogMs, 60_000);
  });

  it("goes on when systemd cannot be told, and logs it once", async () => {
    const logged: string[] = [];
    const manager = serviceManager(underSystemd, {
      log: { ...silentLogger, error: (_fields, message) => void logged.push(message) },
      deliver: () => Promise.reject(new Error("spawn systemd-notify ENOENT")),
    });
    manager.ready();
    manager.reloading();
    manager.ready();
    await manager.settled();
    assert.deepEqual(logged, ["systemd could not be told how the service is"]);
  });
});
