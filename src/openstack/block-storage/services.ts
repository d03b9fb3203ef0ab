import type { CinderService } from "../../domain/inventory.ts";
import type { ServiceClient } from "../service.ts";

/** The cinder-backup services, up or down. Admins only. */
export async function listBackupServices(cinder: ServiceClient, signal: AbortSignal): Promise<CinderService[]> {
  const query = new URLSearchParams({ binary: "cinder-backup" });
  const { value } = await cinder.read({ method: "GET", route: "os-services", query, expect: 200, signal }, (body) =>
    body.rows("services").map((row) => ({
      binary: row.text("binary"),
      host: row.text("host"),
      state: row.text("state"),
      status: row.text("status"),
    })),
  );
  return value;
}
