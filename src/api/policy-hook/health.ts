import type { Hono } from "hono";

/** Null when the hook can be sent requests, else why not, in a few words for operators. */
export type Health = () => string | null;

/**
 * `/healthcheck` as oslo.middleware has it (GET 200 `OK`, HEAD 204, else 503 with the reason), so that load balancers treat the hook as they
 * treat Cinder; and Staffeln's `/v1/health`, which says `True` to a GET. oslo.policy only ever sends POST, which neither answers.
 */
export function healthRoutes(app: Hono, health: Health): void {
  app.get("/healthcheck", (c) => {
    const problem = health();
    const status = problem === null ? 200 : 503;
    if (c.req.method === "HEAD") return c.body(null, problem === null ? 204 : 503);
    const reason = problem ?? "OK";
    if ((c.req.header("accept") ?? "").includes("application/json")) {
      return c.json({ detailed: false, reasons: [reason] }, status);
    }
    return c.text(reason, status);
  });
  app.get("/v1/health", (c) => (health() === null ? c.text("True") : c.text("False", 503)));
}
