import type { Project } from "../../domain/inventory.ts";
import type { ServiceClient } from "../service.ts";
import { MalformedAnswer, type Row } from "../wire.ts";

/**
 * All projects that the token may see. Keystone lists them in one answer (pages came with 2025.1, and only for those who ask).
 * @throws CloudError also when Keystone cut the list (`[DEFAULT] list_limit`): a part of it would look like deleted projects
 */
export async function listProjects(identity: ServiceClient, signal: AbortSignal): Promise<Project[]> {
  const { value } = await identity.read({ method: "GET", route: "projects", expect: 200, signal }, (body) => {
    if (body.flagOr("truncated", false)) throw new MalformedAnswer("Keystone cut the list (see its list_limit)");
    return body.rows("projects").map(toProject);
  });
  return value;
}

const toProject = (row: Row): Project => ({
  id: row.text("id"),
  name: row.text("name"),
  domainId: row.text("domain_id"),
  enabled: row.flag("enabled"),
});
