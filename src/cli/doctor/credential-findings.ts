import type { Examination, ProtectedProject, Seen } from "./examination.ts";
import type { Finding } from "./findings.ts";
import type { Grant } from "../../openstack/inspection.ts";

const privileges = "docs/privileges.md";

const isAdmin = ({ roles }: Grant): boolean => roles.includes("admin");

/** Reader and writer: whether they get in, and what they may do there. */
export const credentialFindings = (seen: Examination): readonly Finding[] => [
  loginFinding("reader", seen.readerGrant),
  loginFinding("writer", seen.writerGrant),
  ...separationFindings(seen),
  ...readerBounds(seen),
  ...projectFindings(seen),
];

function loginFinding(role: "reader" | "writer", grant: Seen<Grant>): Finding {
  const id = `${role}.login`;
  if ("value" in grant) {
    const { userId, projectId, roles } = grant.value;
    const where =
      projectId === null ? "without a project" : `in project ${projectId} with ${roles.join(", ") || "no role"}`;
    return { id, level: "ok", message: `The ${role} logs in as user ${userId}, ${where}.`, fix: null };
  }
  const { kind, message } = grant.problem;
  const fixes: Partial<Record<typeof kind, string>> = {
    authentication: `Check the ${role}'s user, password or application credential in clouds.yaml or OS_*, and whether it has expired or its user is disabled.`,
    no_access: `Give the ${role} a role in the project that its credential names, or name another project.`,
    unavailable: "Check auth_url, and whether Keystone can be reached from here.",
  };
  const fix = fixes[kind] ?? `Check the ${role}'s entry in clouds.yaml.`;
  return { id, level: "failed", message: `The ${role} cannot log in: ${message}.`, fix };
}

/** One admin credential for everything works, and is what one wants to get away from. */
function separationFindings(seen: Examination): readonly Finding[] {
  const { oneCredential, writerGrant, projects } = seen;
  const id = "writer.admin";
  const adminProjects = projects.filter(({ grant }) => "value" in grant && isAdmin(grant.value));
  const admin = adminProjects.length > 0 || ("value" in writerGrant && isAdmin(writerGrant.value));
  if (oneCredential) {
    return [
      {
        id,
        level: "warning",
        message:
          "One credential serves as reader and writer. Whoever gets hold of it, or a bug of ours, can change all that it sees" +
          `${admin ? ", and it is an admin's" : ""}.`,
        fix: `Make two accounts as ${privileges} says, and set openstack.reader.cloud and openstack.writer.cloud.`,
      },
    ];
  }
  if (!("value" in writerGrant) && projects.length === 0) return [];
  if (!admin) return [{ id, level: "ok", message: "The writer is no admin where we looked.", fix: null }];
  const where = adminProjects[0] === undefined ? "its own project" : nameOf(adminProjects[0]);
  return [
    {
      id,
      level: "warning",
      message: `The writer has the role admin (in ${where}). An admin's DELETE is not stopped by incrementals of another project.`,
      fix: "Take the role admin from the writer; the role member on the protected projects is enough.",
    },
  ];
}

const noAdminFix =
  "Give the reader's user the role admin on a project of its own and make its application credential with --role admin; see " +
  `${privileges}.`;

/** Whether the reader sees everything, and whether it can do no more than see. */
function readerBounds(seen: Examination): readonly Finding[] {
  if ("problem" in seen.readerGrant) return [];
  return [
    novaRights(seen),
    cinderRights(seen),
    ...(seen.oneCredential ? [] : [rules(seen), serviceToken(seen), keystone(seen)]),
  ];
}

function novaRights({ servers, tag }: Examination): Finding {
  const id = "reader.servers";
  if ("value" in servers) {
    const { all, tagged } = servers.value;
    if (tagged > 0) {
      const message = `The reader sees the servers of all projects: ${all}, tagged: ${tagged}.`;
      return { id, level: "ok", message, fix: null };
    }
    return {
      id,
      level: "warning",
      message: `The reader sees the servers of all projects: ${all}, but none is tagged. Nothing will be backed up.`,
      fix: `Tag a server: openstack server set --property ${tag}=yes SERVER.`,
    };
  }
  const { kind, message } = servers.problem;
  const fix =
    kind === "refused"
      ? `${noAdminFix} With access rules, 401 means that a rule is missing.`
      : "See whether Nova is well.";
  return { id, level: "failed", message: `The reader cannot list the servers of all projects: ${message}.`, fix };
}

function cinderRights({ cinderRights: seen }: Examination): Finding {
  const id = "reader.backups";
  if ("problem" in seen) {
    const { kind, message } = seen.problem;
    const fix =
      kind === "refused"
        ? `Compare the credential's access rules with etc/access-rules.json; 401 also comes when service_type in Cinder's [keystone_authtoken] is not one of the catalogue (${privileges}).`
        : "See whether Cinder is well.";
    return { id, level: "failed", message: `The reader cannot list volumes and backups: ${message}.`, fix };
  }
  const { backups, volumes } = seen.value;
  if (backups === "member" || volumes === "member") {
    return {
      id,
      level: "failed",
      message: "Cinder does not treat the reader as an admin: it answers 200 but shows the reader's own project only.",
      fix: noAdminFix,
    };
  }
  if (backups === "admin") {
    return { id, level: "ok", message: "Cinder shows the reader the backups of all projects.", fix: null };
  }
  return {
    id,
    level: volumes === "admin" ? "ok" : "warning",
    message:
      "There is no backup yet, so Cinder's rows cannot prove the reader's rights. Backups are made, but nothing is deleted before the proof" +
      `${volumes === "admin" ? "; the volumes' rows look like an admin's" : ""}.`,
    fix: volumes === "admin" ? null : "Run doctor again after the first backups.",
  };
}

function rules({ needless: { flavors, volumeTypes } }: Examination): Finding {
  const id = "reader.rules";
  const open = [
    ...("value" in volumeTypes && volumeTypes.value === 200 ? ["Cinder"] : []),
    ...("value" in flavors && flavors.value === 200 ? ["Nova"] : []),
  ];
  if (open.length > 0) {
    return {
      id,
      level: "warning",
      message: `The reader is not held to access rules in ${open.join(" and ")}: whoever gets hold of its secret is an admin there.`,
      fix: `Use an application credential made with --access-rules etc/access-rules.json (${privileges}).`,
    };
  }
  return { id, level: "ok", message: "Nova and Cinder hold the reader to what it needs to read.", fix: null };
}

function serviceToken({ needless: { volumeTypes, volumeTypesAsService } }: Examination): Finding {
  const id = "reader.service-token";
  if ("problem" in volumeTypesAsService) {
    return {
      id,
      level: "warning",
      message: `Whether Cinder lets the reader past its access rules with its own token as X-Service-Token could not be tried: ${volumeTypesAsService.problem.message}.`,
      fix: `Verify it by hand (${privileges}): service_token_roles_required = true in [keystone_authtoken] of Cinder and Nova prevents it.`,
    };
  }
  const bound = "value" in volumeTypes && volumeTypes.value !== 200;
  if (bound && "value" in volumeTypesAsService && volumeTypesAsService.value === 200) {
    return {
      id,
      level: "warning",
      message: "Cinder lets the reader past its access rules when it sends its own token as X-Service-Token, too.",
      fix: "Set service_token_roles_required = true in [keystone_authtoken] of Cinder and Nova.",
    };
  }
  const message = bound
    ? "The reader cannot get past its access rules with X-Service-Token."
    : "There are no access rules to get past with X-Service-Token.";
  return { id, level: "ok", message, fix: null };
}

function keystone({ needless: { users } }: Examination): Finding {
  const id = "reader.keystone";
  if ("problem" in users) {
    return {
      id,
      level: "warning",
      message: `Whether Keystone lets the reader at its users could not be tried: ${users.problem.message}. Keystone does not apply access rules to itself.`,
      fix: `Verify by hand that etc/keystone-policy.yaml is in force: openstack user list must fail with 403 (${privileges}).`,
    };
  }
  if ("value" in users && users.value === 200) {
    return {
      id,
      level: "warning",
      message:
        "The reader may list Keystone's users. Keystone does not apply access rules to itself, so whoever gets hold of its secret can make users and grant roles.",
      fix: `Put etc/keystone-policy.yaml into Keystone's policy and give the reader the role backup-reader (${privileges}).`,
    };
  }
  return { id, level: "ok", message: "Keystone keeps the reader from its users.", fix: null };
}

const nameOf = ({ id, project }: ProtectedProject): string => (project === null ? id : `${project.name} (${id})`);

const listed = (projects: readonly ProtectedProject[]): string => {
  const shown = projects.slice(0, 10).map(nameOf).join(", ");
  return projects.length > 10 ? `${shown} and ${projects.length - 10} more` : shown;
};

/** Whether the writer can work in every project that has tagged servers. */
function projectFindings({ projects }: Examination): readonly Finding[] {
  if (projects.length === 0) return [];
  const id = "writer.projects";
  const problemIn = (kinds: readonly string[]) =>
    projects.filter(({ grant }) => "problem" in grant && kinds.includes(grant.problem.kind));
  const found: Finding[] = [];
  const bound = problemIn(["single_project"]);
  if (bound.length > 0) {
    found.push({
      id,
      level: "failed",
      message: `The writer is an application credential, which is bound to its own project: it cannot work in ${listed(bound)}.`,
      fix: `Use a user with a password as writer (${privileges}), or tag servers in the credential's project only.`,
    });
  }
  const without = problemIn(["no_access", "authentication"]);
  if (without.length > 0) {
    const first = without[0]?.project?.name ?? without[0]?.id ?? "";
    found.push({
      id,
      level: "failed",
      message: `The writer has no role in ${without.length} of ${projects.length} projects with tagged servers, whose volumes will not be backed up: ${listed(without)}.`,
      fix: `openstack role add --user WRITER --project '${first.replaceAll("'", "")}' member; or once for all: --domain DOMAIN --inherited instead of --project.`,
    });
  }
  const unknown = problemIn(["refused", "unfit", "unavailable", "other"]);
  const [firstUnknown] = unknown;
  if (firstUnknown !== undefined && "problem" in firstUnknown.grant) {
    found.push({
      id,
      level: "failed",
      message: `Keystone did not say what the writer may do in ${listed(unknown)}: ${firstUnknown.grant.problem.message}.`,
      fix: "See whether Keystone is well, then run doctor again.",
    });
  }
  if (found.length > 0) return found;
  return [
    {
      id,
      level: "ok",
      message: `The writer has a role in each of the ${projects.length} projects with tagged servers.`,
      fix: null,
    },
  ];
}
