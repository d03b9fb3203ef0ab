import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { it } from "node:test";
import { nights } from "./support/digest-nights.ts";
import { startMailServer } from "./support/mail-server.ts";
import { smtpTo, startBench } from "./support/outbox.ts";

it("killed between sending and recording: at most a resend that can be recognised, never a loss", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "dirigent-outbox-"));
  t.after(() => rm(directory, { recursive: true }));
  const server = await startMailServer();
  t.after(() => server.close());
  const database = `sqlite:${join(directory, "dirigent.db")}`;
  const bench = await startBench(t, { smtp: smtpTo(server), database });
  await bench.queue(nights.bad, ["a@example.org", "b@example.org"]);

  const child = async (at: "after" | "never", start: string) => {
    const script = join(import.meta.dirname, "support", "sending-child.ts");
    const args = ["--disable-warning=ExperimentalWarning", script, database, String(server.port), at, start];
    const process_ = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(process_, "close") as Promise<[number | null, string | null]>;
    const [said, [code, signal]] = await Promise.all([text(process_.stdout), ended]);
    return { said, code, signal };
  };

  assert.deepEqual(await child("after", "2026-11-21T02:00:00Z"), { said: "sent\n", code: null, signal: "SIGKILL" });
  assert.equal(server.arrived.length, 1);
  assert.deepEqual((await bench.all()).map(({ attempts, state }) => `${state} ${attempts}`).sort(), [
    "queued 0",
    "queued 1",
  ]);

  // The next one starts at once: it does not know whether the other process is still at it, and sends only what nobody began.
  assert.deepEqual(await child("never", "2026-11-21T02:00:30Z"), { said: "", code: 0, signal: null });
  assert.deepEqual((await bench.all()).map(({ state }) => state).sort(), ["queued", "sent"]);
  // A quarter of an hour later no attempt can still be under way.
  assert.deepEqual(await child("never", "2026-11-21T02:15:00Z"), { said: "", code: 0, signal: null });
  assert.deepEqual(
    (await bench.all()).map(({ state }) => state),
    ["sent", "sent"],
  );

  const byId = Map.groupBy(server.arrived, ({ mail }) => mail.messageId ?? "");
  assert.deepEqual([...byId.values()].map((mails) => mails.length).sort(), [1, 2]);
  for (const [first, second] of byId.values()) {
    if (second !== undefined)
      assert.deepEqual(
        [second.to, second.mail.html, second.mail.text],
        [first!.to, first!.mail.html, first!.mail.text],
      );
  }
});
