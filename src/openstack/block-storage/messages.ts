import type { ServiceClient } from "../service.ts";

/** What Cinder wrote for users about an object, newest first: why a backup failed, beyond its `fail_reason`. */
export async function listMessages(cinder: ServiceClient, resourceId: string, signal: AbortSignal): Promise<string[]> {
  const query = new URLSearchParams({ resource_uuid: resourceId });
  const { value } = await cinder.read({ method: "GET", route: "messages", query, expect: 200, signal }, (body) =>
    body.rows("messages").map((row) => row.text("user_message")),
  );
  return value;
}
