/** A conductor's sender that is killed right after the mail server has accepted a mail, before it can say so. */
import { writeSync } from "node:fs";
import { Outbox } from "../../../src/conductor/outbox.ts";
import type { Io } from "../../../src/domain/io.ts";
import { silentLogger } from "../../../src/domain/log.ts";
import { Templates } from "../../../src/report/templates.ts";
import { openStore } from "../../../src/store/open.ts";
import { virtualClock } from "../../simulation/support/virtual-clock.ts";
import { never, sender, smtpTo } from "./outbox.ts";

const [database = "", port = "", at = "", start = ""] = process.argv.slice(2);

const io: Io = {
  async run(step, work) {
    const result = await work(() => undefined);
    if (step.kind === "mail" && at === "after") {
      writeSync(1, "sent\n");
      process.kill(process.pid, "SIGKILL");
    }
    return result;
  },
};
const repository = await openStore(database, { io });
const outbox = new Outbox({
  repository,
  clock: virtualClock(start),
  io,
  log: silentLogger,
  mail: { smtp: smtpTo({ port: Number(port) }), from: sender },
  webhook: null,
  ping: null,
  members: () => Promise.resolve([]),
  standing: () => Promise.resolve([]),
  render: { templates: new Templates({}, () => undefined), timeZone: "UTC" },
});
await outbox.deliverDue(never);
await repository.close();
