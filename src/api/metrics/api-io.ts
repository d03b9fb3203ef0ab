import { Histogram, type Registry } from "prom-client";
import type { Clock } from "../../domain/clock.ts";
import type { Io } from "../../domain/io.ts";

/** Measures the requests to OpenStack that pass through the I/O seam: by service, method, and the answer's status. */
export function apiIo(registers: Registry[], clock: Pick<Clock, "monotonicMs">): (inner: Io) => Io {
  const durations = new Histogram({
    name: "dirigent_api_request_duration_seconds",
    help: "Requests to OpenStack, each attempt by itself. Code none: there was no answer.",
    labelNames: ["service", "method", "code"],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  return (inner) => ({
    async run(step, work) {
      if (step.kind !== "http") return await inner.run(step, work);
      const startedMs = clock.monotonicMs();
      const [method = "", path = ""] = step.name.split(" ");
      const [service = ""] = path.split("/");
      const observe = (code: string): void =>
        durations.observe({ service, method, code }, (clock.monotonicMs() - startedMs) / 1000);
      try {
        const answer = await inner.run(step, work);
        observe(statusOf(answer) ?? "none");
        return answer;
      } catch (error) {
        observe(statusOf(error) ?? "none");
        throw error;
      }
    },
  });
}

const statusOf = (value: unknown): string | null =>
  typeof value === "object" && value !== null && "status" in value && typeof value.status === "number"
    ? String(value.status)
    : null;
