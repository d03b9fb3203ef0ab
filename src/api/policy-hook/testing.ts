import { silentLogger } from "../../domain/log.ts";
import { createPolicyHook, type PolicyHookOptions } from "./app.ts";

/** As Cinder Zed sends it for `backup:delete`, recorded on a real cloud; see docs/policy-hook.md. */
export const recordedTarget = {
  project_id: "fcb5970ad48c4b2eac812e14b8cf11c9",
  user_id: "ab28956dcdf0448d830b8d4c8bac13de",
  id: "ae4ff027-8c22-479f-9acc-18ed29aeb694",
  volume_id: "dc100dc6-cfc2-4be7-8212-0da051e6fea4",
  host: "aio",
  availability_zone: null,
  container: "ae/4f/ae4ff027-8c22-479f-9acc-18ed29aeb694",
  parent_id: null,
  status: "available",
  fail_reason: null,
  size: 1,
  display_name: "hooked",
  display_description: null,
  service_metadata:
    "volume_dc100dc6-cfc2-4be7-8212-0da051e6fea4_20261121040747_backup_ae4ff027-8c22-479f-9acc-18ed29aeb694",
  service: "cinder.backup.drivers.posix.PosixBackupDriver",
  object_count: 1,
  temp_volume_id: null,
  temp_snapshot_id: null,
  num_dependent_backups: 0,
  snapshot_id: null,
  data_timestamp: "2026-11-21T04:07:46Z",
  restore_volume_id: null,
  metadata: { "managed-by": "bench", policy: "p1" },
  encryption_key_id: null,
  created_at: "2026-11-21T04:07:46Z",
  updated_at: "2026-11-21T04:07:47Z",
  deleted_at: null,
  deleted: false,
};

export const recordedCredentials = {
  is_admin: false,
  user_id: "ab28956dcdf0448d830b8d4c8bac13de",
  user_domain_id: "default",
  system_scope: null,
  domain_id: null,
  project_id: "fcb5970ad48c4b2eac812e14b8cf11c9",
  project_domain_id: "default",
  roles: ["reader", "member"],
  is_admin_project: true,
  service_user_id: null,
  service_user_domain_id: null,
  service_project_id: null,
  service_project_domain_id: null,
  service_roles: [],
};

/** The same with the marks of an automated backup. */
export const markedTarget = { ...recordedTarget, metadata: { __automated_backup: "True", "dirigent:key": "v/p/s" } };

/** JSON with the spaces and escapes that Python's has. */
export const pythonJson = (value: unknown): string =>
  JSON.stringify(value, null, 1)
    .replaceAll(/(?<=[[{])\n +|\n *(?=[\]}])/g, "")
    .replaceAll(/\n +/g, " ")
    .replaceAll(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);

export interface Check {
  readonly rule: unknown;
  readonly target: unknown;
  readonly credentials: unknown;
}

export const recordedCheck: Check = {
  rule: "backup:delete",
  target: recordedTarget,
  credentials: recordedCredentials,
};

/** As `requests` encodes a form. */
export const formOf = (check: Check): string =>
  new URLSearchParams({
    rule: pythonJson(check.rule),
    target: pythonJson(check.target),
    credentials: pythonJson(check.credentials),
  }).toString();

export const formType = "application/x-www-form-urlencoded";
export const jsonType = "application/json";

/** A request as oslo.policy sends it. */
export function requestOf(body: string | Uint8Array<ArrayBuffer>, type = formType, path = "/v1/backup"): Request {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const headers = { "content-type": type, "content-length": String(bytes.length) };
  return new Request(`http://127.0.0.1:8808${path}`, { method: "POST", headers, body: bytes });
}

export const writerId = "writer";

export const hookOptions: PolicyHookOptions = {
  rules: { conductorIds: new Set([writerId]), creatorIds: new Set([writerId, "former"]), adminsMay: false },
  catalogue: null,
  lookUp: null,
  guardVolumes: false,
  bodyLimitBytes: 256 * 1024,
  budgetMs: 500,
  health: () => null,
  observer: { begin: () => 0, end: () => undefined },
  log: silentLogger,
};

/** A hook and the text of its answer to a request. */
export function hookWith(options: Partial<PolicyHookOptions> = {}): {
  readonly answer: (request: Request) => Promise<string>;
  readonly check: (check: Check, path?: string) => Promise<string>;
} {
  const app = createPolicyHook({ ...hookOptions, ...options });
  const answer = async (request: Request): Promise<string> => {
    const response = await app.fetch(request);
    return `${response.status} ${await response.text()}`;
  };
  return { answer, check: (check, path) => answer(requestOf(formOf(check), formType, path)) };
}
