import { pino } from "pino";
import type { LogFormat, LogLevel } from "../config/settings.ts";
import type { Clock } from "../domain/clock.ts";
import type { Logger } from "../domain/log.ts";
import { escapeText } from "../domain/escape.ts";
import type { Sink } from "./output.ts";
import { redact, redactText } from "./redact.ts";

/** A logger whose level can change while it is in use. */
export interface AdjustableLogger extends Logger {
  level: string;
}

/** Logs to a sink, one line for each call: JSON, text for people, or text for journald, which keeps the time itself. */
export function createLogger(options: {
  level: LogLevel;
  format?: LogFormat;
  sink: Sink;
  clock: Clock;
}): AdjustableLogger {
  const { level, sink, clock } = options;
  const write = writers[resolveFormat(options.format ?? "auto", sink)];
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
    { write: (line: string) => sink.write(write(line)) },
  );
}

const resolveFormat = (format: LogFormat, { isTerminal, isJournal }: Sink): Exclude<LogFormat, "auto"> =>
  format !== "auto" ? format : isTerminal ? "text" : isJournal === true ? "journal" : "json";

/** syslog(3)'s levels, as sd-daemon(3) reads them at the start of a line. */
const priorities: Readonly<Record<string, number>> = { error: 3, warn: 4, info: 6, debug: 7, trace: 7 };

const writers: Readonly<Record<Exclude<LogFormat, "auto">, (line: string) => string>> = {
  json: (line) => line,
  /** `06:04:13 WARN  message key=value`. */
  text: (line) => {
    const { level, time, text } = read(line);
    return `${time.slice(11, 19)} ${level.toUpperCase().padEnd(5)} ${text}\n`;
  },
  /** `<4>message key=value`. */
  journal: (line) => {
    const { level, text } = read(line);
    return `<${priorities[level] ?? 6}>${text}\n`;
  },
};

function read(line: string): { level: string; time: string; text: string } {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${valueText(value)}`);
  return {
    level: String(level),
    time: String(time),
    text: escapeText(`${typeof msg === "string" ? msg : ""}${rest.join("")}`),
  };
}

/** An error is its sentence, as its other fields are for machines; of a list its texts with commas. */
function valueText(value: unknown): string {
  const text =
    typeof value === "string"
      ? value
      : Array.isArray(value) && value.every((each) => typeof each === "string")
        ? value.join(", ")
        : (sentenceOf(value) ?? JSON.stringify(value));
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}

function sentenceOf(value: unknown): string | null {
  if (typeof value !== "object" || value === null || !("name" in value) || !("message" in value)) return null;
  const { message } = value;
  if (typeof message !== "string") return null;
  const cause = "cause" in value ? sentenceOf(value.cause) : null;
  return cause === null || message.includes(cause) ? message : `${message}: ${cause}`;
}
