/** Rows as the services send them; tests change what they are about. */
export const serverRow = (id: string, more: object = {}): object => ({
  id,
  name: `name-${id}`,
  status: "ACTIVE",
  tenant_id: "p1",
  metadata: { backup: "yes" },
  locked: false,
  "os-extended-volumes:volumes_attached": [{ id: "v1", delete_on_termination: false }, { id: "v2" }],
  ...more,
});

export const volumeRow = (id: string, more: object = {}): object => ({
  id,
  name: `name-${id}`,
  status: "in-use",
  size: 10,
  volume_type: "fast",
  bootable: "false",
  multiattach: false,
  metadata: { a: "b" },
  attachments: [{ server_id: "s1" }, { server_id: null, host_name: "h" }],
  "os-vol-tenant-attr:tenant_id": "p1",
  "os-vol-host-attr:host": "aio@fast#fast",
  ...more,
});

export const backupRow = (id: string, more: object = {}): object => ({
  id,
  name: `name-${id}`,
  status: "available",
  size: 10,
  volume_id: "v1",
  is_incremental: false,
  has_dependent_backups: false,
  snapshot_id: null,
  data_timestamp: "2026-11-21T04:06:16.000000",
  created_at: "2026-11-21T04:06:15.000000",
  updated_at: null,
  fail_reason: null,
  container: "c",
  metadata: {},
  "os-backup-project-attr:project_id": "p1",
  user_id: "u1",
  ...more,
});
