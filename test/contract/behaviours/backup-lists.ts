import assert from "node:assert/strict";
import { at, items, text } from "../driver.ts";
import { assertFault, assertStatus, behaviour, type Behaviour, isGone, newBackup, newVolume } from "../objects.ts";
import type { Caller, Stage } from "../stage.ts";

const unknownId = "00000000-0000-0000-0000-000000000000";

/** Three backups of one volume, oldest first, in a project of their own. */
async function threeBackups(stage: Stage): Promise<{ tenant: Caller; volumeId: string; ids: string[] }> {
  const tenant = await stage.newTenant("lists");
  const volumeId = await newVolume(stage, tenant);
  const ids: string[] = [];
  for (const name of ["a", "b", "c"]) {
    ids.push(await newBackup(stage, tenant, volumeId, { name, metadata: { mark: name } }));
    await stage.harness.pause(1100);
  }
  return { tenant, volumeId, ids };
}

async function idsOf(stage: Stage, caller: Caller, query: string): Promise<unknown[]> {
  const answer = await stage.storage(caller, "GET", `/backups/detail?${query}`);
  assertStatus(answer, 200);
  return items(answer.body, "backups").map((backup) => at(backup, "id"));
}

export const backupLists: readonly Behaviour[] = [
  behaviour("backups are listed newest first and followed by marker", async (stage) => {
    const { tenant, ids } = await threeBackups(stage);
    const [a = "", b = "", c = ""] = ids;
    assert.deepEqual(await idsOf(stage, tenant, ""), [c, b, a]);
    const page = await stage.storage(tenant, "GET", "/backups/detail?limit=2");
    const next = new URL(text(items(page.body, "backups_links")[0], "href"));
    assert.deepEqual([next.searchParams.get("limit"), next.searchParams.get("marker")], ["2", b]);
    assert.deepEqual(await idsOf(stage, tenant, next.search.slice(1)), [a]);
    assert.deepEqual(await idsOf(stage, tenant, "limit=1&offset=1"), [b]);
  }),
  behaviour("a marker that has been deleted is a 404", async (stage) => {
    const { tenant, ids } = await threeBackups(stage);
    const middle = ids[1] ?? "";
    assertStatus(await stage.storage(tenant, "DELETE", `/backups/${middle}`), 202);
    await isGone(stage, tenant, `/backups/${middle}`);
    assertFault(
      await stage.storage(tenant, "GET", `/backups/detail?marker=${middle}`),
      404,
      "itemNotFound",
      "Backup <uuid> could not be found.",
    );
    assertFault(
      await stage.storage(tenant, "GET", `/backups/detail?marker=${unknownId}`),
      404,
      "itemNotFound",
      "Backup <uuid> could not be found.",
    );
  }),
  behaviour("a member filters backups by name, status and volume", async (stage) => {
    const { tenant, volumeId, ids } = await threeBackups(stage);
    const [a, b, c] = ids;
    assert.deepEqual(await idsOf(stage, tenant, "name=b"), [b]);
    assert.deepEqual(await idsOf(stage, tenant, `volume_id=${volumeId}`), [c, b, a]);
    assert.deepEqual(await idsOf(stage, tenant, "status=error"), []);
    assert.deepEqual(await idsOf(stage, tenant, "all_tenants=1&status=available"), [c, b, a]);
  }),
  behaviour("any other filter of backups is a 400 for a member", async (stage) => {
    for (const filter of [
      "name~",
      "metadata",
      "project_id",
      "parent_id",
      "snapshot_id",
      "is_incremental",
      "created_at",
      "nonsense",
    ]) {
      const answer = await stage.storage(stage.owner, "GET", `/backups/detail?all_tenants=1&${filter}=x`);
      assertFault(answer, 400, "badRequest", `Invalid filters ${filter} are found in query options.`);
    }
  }),
  behaviour(
    "for an administrator a filter that Cinder has no column for finds nothing, metadata among them",
    async (stage) => {
      const { tenant, ids } = await threeBackups(stage);
      const project = `all_tenants=1&project_id=${tenant.projectId}`;
      assert.deepEqual(await idsOf(stage, stage.ops, project), ids.toReversed());
      for (const filter of [
        `metadata=${encodeURIComponent('{"mark":"a"}')}`,
        "is_incremental=false",
        "nonsense=1",
        "created_at=gt:2020-01-01T00:00:00",
      ]) {
        assert.deepEqual(await idsOf(stage, stage.ops, `${project}&${filter}`), [], filter);
      }
      assert.deepEqual(await idsOf(stage, stage.ops, `${project}&name~=b`), [ids[1]]);
    },
  ),
  behaviour("an administrator without all_tenants sees his own project", async (stage) => {
    const { ids } = await threeBackups(stage);
    const seen = await idsOf(stage, stage.ops, "limit=1000");
    assert.deepEqual(
      ids.filter((id) => seen.includes(id)),
      [],
    );
  }),
  behaviour("backups are sorted as asked, in both spellings, and by known keys only", async (stage) => {
    const { tenant, ids } = await threeBackups(stage);
    assert.deepEqual(await idsOf(stage, tenant, "sort=created_at:asc"), ids);
    assert.deepEqual(await idsOf(stage, tenant, "sort_key=created_at&sort_dir=asc"), ids);
    assert.deepEqual(await idsOf(stage, tenant, "sort=name:desc"), ids.toReversed());
    assert.deepEqual(await idsOf(stage, tenant, "sort=data_timestamp:asc&limit=1"), [ids[0]]);
    assertFault(
      await stage.storage(tenant, "GET", "/backups/detail?sort=bogus:asc"),
      400,
      "badRequest",
      "Invalid input received: Invalid sort key",
    );
  }),
  behaviour("with_count counts all that match, and then even the last page has a next link", async (stage) => {
    const { tenant, ids } = await threeBackups(stage);
    const counted = await stage.storage(tenant, "GET", "/backups/detail?limit=1&with_count=true");
    assert.equal(at(counted.body, "count"), 3);
    const last = await stage.storage(tenant, "GET", `/backups/detail?limit=2&with_count=true&marker=${ids[1] ?? ""}`);
    assert.deepEqual(
      [at(last.body, "count"), items(last.body, "backups").length, items(last.body, "backups_links").length],
      [3, 1, 1],
    );
    assertFault(
      await stage.storage(tenant, "GET", "/backups/detail?limit=1&with_count=true", undefined, "3.44"),
      400,
      "badRequest",
      "Invalid filters with_count are found in query options.",
    );
  }),
  behaviour("the short list of backups has id, name and links", async (stage) => {
    const { tenant } = await threeBackups(stage);
    const answer = await stage.storage(tenant, "GET", "/backups?limit=1");
    assert.deepEqual(Object.keys(items(answer.body, "backups")[0] as object).sort(), ["id", "links", "name"]);
  }),
  behaviour("the filters of backups can be asked for", async (stage) => {
    const answer = await stage.storage(stage.owner, "GET", "/resource_filters?resource=backup");
    assert.deepEqual(
      { status: answer.status, body: answer.body },
      { status: 200, body: { resource_filters: [{ resource: "backup", filters: ["name", "status", "volume_id"] }] } },
    );
  }),
  behaviour("all_tenants that is no truth value is refused", async (stage) => {
    assertFault(
      await stage.storage(stage.ops, "GET", "/backups/detail?all_tenants=perhaps"),
      400,
      "badRequest",
      "all_tenants must be a boolean, got 'perhaps'.",
    );
  }),
];
