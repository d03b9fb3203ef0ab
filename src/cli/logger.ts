import { pino } from "pino";
import type { LogLevel } from "../config/settings.ts";
import type { Clock } from "../domain/clock.ts";
import type { Logger } from "../domain/log.ts";
import { escapeText } from "./escape.ts";
import type { Sink } from "./output.ts";
import { redact, redactText } from "./redact.ts";

/** Logs to a sink: JSON lines, or on a terminal one line each for people. */
export function createLogger(options: { level: LogLevel; sink: Sink; clock: Clock }): Logger {
  const { level, sink, clock } = options;
  const write = (line: string): void => sink.write(sink.isTerminal ? forPeople(line) : line);
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${clock.now().toISOString()}"`,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redact(fields) as Record<string, unknown>,
      },
      hooks: {
        logMethod(args, method) {
          method.apply(
            this,
            args.map((each: unknown) => (typeof each === "string" ? redactText(each) : each)) as typeof args,
          );
        },
      },
    },
    { write },
  );
}

/** `06:04:13 WARN  message key=value`. */
function forPeople(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const at = String(time).slice(11, 19);
  const rest = Object.entries(fields).map(([key, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return ` ${key}=${/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)}`;
  });
  const message = typeof msg === "string" ? msg : "";
  return `${escapeText(`${at} ${String(level).toUpperCase().padEnd(5)} ${message}${rest.join("")}`)}\n`;
}
