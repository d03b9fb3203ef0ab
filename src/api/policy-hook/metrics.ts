import { Hono } from "hono";
import { collectDefaultMetrics, Counter, Histogram, Registry } from "prom-client";
import type { Clock } from "../../domain/clock.ts";
import type { Outcome } from "./app.ts";

/** Counts checks and how long they take. */
export interface Observer {
  /** @returns what {@link end} wants back */
  begin(): number;
  end(started: number, check: Outcome & { readonly kind: string }): void;
}

export interface Metrics {
  readonly observer: Observer;
  /** Serves `/metrics`, for a listener of its own: what is counted here is not for tenants. */
  readonly app: Hono;
}

export function createMetrics({ monotonicMs }: Pick<Clock, "monotonicMs">): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "dirigent_policy_" });
  const checks = new Counter({
    name: "dirigent_policy_checks_total",
    help: "Checks answered, by the kind of object, the answer and its reason.",
    labelNames: ["object", "answer", "reason"] as const,
    registers: [registry],
  });
  const durations = new Histogram({
    name: "dirigent_policy_check_duration_seconds",
    help: "From a check's headers to its answer.",
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    registers: [registry],
  });
  const app = new Hono();
  app.get("/metrics", async (c) => c.body(await registry.metrics(), 200, { "content-type": registry.contentType }));
  return {
    observer: {
      begin: () => monotonicMs(),
      end: (started, { kind, answer, reason }) => {
        checks.inc({ object: kind, answer: answer.text === "True" ? "allow" : "deny", reason });
        durations.observe((monotonicMs() - started) / 1000);
      },
    },
    app,
  };
}
