import type { ServiceClient } from "../service.ts";

interface Member {
  readonly enabled: boolean;
  /** Null where Keystone has none, or knows the user from elsewhere. */
  readonly address: string | null;
}

/**
 * The mail addresses of those who have a role in a project, through groups and by inheritance, too. Needs more than the reader's usual rules:
 * `GET /v3/role_assignments` and `GET /v3/users/{user_id}`.
 * @param options.except ids of users that are no people: the reader and the writer
 */
export async function memberAddresses(
  identity: ServiceClient,
  options: { readonly projectId: string; readonly except: ReadonlySet<string> },
  signal: AbortSignal,
): Promise<string[]> {
  const { value: ids } = await identity.read(
    {
      method: "GET",
      route: "role_assignments",
      query: new URLSearchParams({ "scope.project.id": options.projectId, effective: "true" }),
      expect: 200,
      signal,
    },
    // `effective` shows each member of a group as a user.
    (body) => body.rows("role_assignments").flatMap((row) => row.rowOrNull("user")?.text("id") ?? []),
  );
  const addresses: string[] = [];
  for (const id of new Set(ids)) {
    if (options.except.has(id)) continue;
    const { address, enabled } = await member(identity, id, signal);
    if (enabled && address !== null) addresses.push(address);
  }
  return addresses;
}

async function member(identity: ServiceClient, id: string, signal: AbortSignal): Promise<Member> {
  const { value } = await identity.read(
    { method: "GET", route: "users/{user}", ids: { user: id }, expect: 200, signal },
    (body) => {
      const user = body.row("user");
      return { enabled: user.flagOr("enabled", true), address: user.textOrNull("email") };
    },
  );
  return value;
}
