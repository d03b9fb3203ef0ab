import type { Project } from "../../domain/inventory.ts";
import { paginate } from "../pagination.ts";
import type { ServiceClient } from "../service.ts";
import { MalformedAnswer, type Row } from "../wire.ts";

/**
 * All projects that the token may see. Keystone lists them in one answer; later ones (2025.1) link to a next page.
 * @throws CloudError also when Keystone cut the list without such a link (`list_limit`): a part of it would look like deleted projects
 */
export const listProjects = (identity: ServiceClient, signal: AbortSignal): Promise<Project[]> =>
  Array.fromAsync(
    paginate(identity, { route: "projects", key: "projects", query: {}, read: toProject, nextLink }, signal),
  );

function nextLink(body: Row): string | null {
  const link = body.rowOrNull("links")?.textOrNull("next") ?? null;
  if (link === null && body.flagOr("truncated", false)) {
    throw new MalformedAnswer("Keystone cut the list (see its list_limit)");
  }
  return link;
}

const toProject = (row: Row): Project => ({
  id: row.text("id"),
  name: row.text("name"),
  domainId: row.text("domain_id"),
  enabled: row.flag("enabled"),
});
