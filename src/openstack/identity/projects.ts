import type { Project } from "../../domain/inventory.ts";
import { CloudError } from "../errors.ts";
import { paginate, type Listing } from "../pagination.ts";
import type { ServiceClient } from "../service.ts";
import { MalformedAnswer, type Row } from "../wire.ts";

/**
 * All projects that the token may see, with the names of their domains where it may see those. Keystone lists them in one answer; later ones (2025.1) link to a next page.
 * @throws CloudError also when Keystone cut the list without such a link (`list_limit`): a part of it would look like deleted projects
 */
export async function listProjects(identity: ServiceClient, signal: AbortSignal): Promise<Project[]> {
  const domains = await domainNames(identity, signal);
  const read = (row: Row): Project => {
    const domainId = row.text("domain_id");
    return {
      id: row.text("id"),
      name: row.text("name"),
      domainId,
      domainName: domains.get(domainId) ?? null,
      enabled: row.flag("enabled"),
      tags: row.listOrNone("tags"),
    };
  };
  return await Array.fromAsync(paginate(identity, listingOf("projects", read), signal));
}

/** The route came to the shipped access rules later than the others: a credential without it works, and knows no names of domains. */
async function domainNames(identity: ServiceClient, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const read = (row: Row): readonly [string, string] => [row.text("id"), row.text("name")];
  try {
    return new Map(await Array.fromAsync(paginate(identity, listingOf("domains", read), signal)));
  } catch (error) {
    if (error instanceof CloudError && (error.status === 401 || error.status === 403)) return new Map();
    throw error;
  }
}

const listingOf = <T>(key: "projects" | "domains", read: (row: Row) => T): Listing<T> => ({
  route: key,
  key,
  query: {},
  read,
  nextLink,
});

function nextLink(body: Row): string | null {
  const link = body.rowOrNull("links")?.textOrNull("next") ?? null;
  if (link === null && body.flagOr("truncated", false)) {
    throw new MalformedAnswer("Keystone cut the list (see its list_limit)");
  }
  return link;
}
