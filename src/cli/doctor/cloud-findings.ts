import { formatDuration } from "../../domain/durations.ts";
import type { Examination, Seen } from "./examination.ts";
import type { Finding } from "./findings.ts";

/** Further off, and the conductor deletes nothing. */
const clockLimitMs = 5 * 60_000;

/** The services: versions, clocks, and whether there is anybody to make backups. */
export const cloudFindings = (seen: Examination): readonly Finding[] => [
  ...("problem" in seen.readerGrant ? [] : servicesFindings(seen)),
  clock(seen),
  ...certificates(seen),
];

/** Asked with the reader's token. */
const servicesFindings = (seen: Examination): readonly Finding[] => [
  versionFinding("nova", "Nova", seen.computeVersion),
  versionFinding("cinder", "Cinder", seen.blockStorageVersion),
  backupServices(seen),
];

function versionFinding(id: string, name: string, version: Seen<{ used: string; needed: string }>): Finding {
  if ("value" in version) {
    const { used, needed } = version.value;
    return { id: `${id}.version`, level: "ok", message: `${name} speaks ${used}; ${needed} is needed.`, fix: null };
  }
  const { kind, message } = version.problem;
  return {
    id: `${id}.version`,
    level: "failed",
    message: `${name} cannot be used: ${message}.`,
    fix:
      kind === "unfit"
        ? "Check region_name and interface in clouds.yaml against `openstack catalog list`; a release that is too old must be upgraded first."
        : `See whether ${name} is well and can be reached from here.`,
  };
}

function backupServices({ backupServices: seen }: Examination): Finding {
  const id = "cinder.backup-services";
  if ("problem" in seen) {
    const fix = "Compare the reader's access rules with etc/access-rules.json, and see whether Cinder is well.";
    return {
      id,
      level: "failed",
      message: `The cinder-backup services cannot be listed: ${seen.problem.message}.`,
      fix,
    };
  }
  const services = seen.value;
  const down = services.filter(({ state, status }) => state !== "up" || status !== "enabled");
  const up = services.length - down.length;
  const names = down.map(({ host }) => host).join(", ");
  if (up === 0) {
    const message =
      services.length === 0 ? "There is no cinder-backup service." : `No cinder-backup service is up: ${names}.`;
    return { id, level: "failed", message, fix: "Start cinder-backup: without it no backup can be made." };
  }
  if (down.length > 0) {
    const message = `${up} of ${services.length} cinder-backup services are up; not: ${names}.`;
    return { id, level: "warning", message, fix: "Start them, or disable them if they are gone for good." };
  }
  return { id, level: "ok", message: `All cinder-backup services are up: ${up}.`, fix: null };
}

function clock({ clockAheadMs }: Examination): Finding {
  const id = "clock";
  const seen = Object.entries(clockAheadMs).flatMap(([service, ms]) => (ms === null ? [] : [{ service, ms }]));
  const [worst] = seen.toSorted((a, b) => Math.abs(b.ms) - Math.abs(a.ms));
  if (worst === undefined) {
    const message = "No service told the time, so the clock of this machine cannot be compared.";
    return { id, level: "warning", message, fix: "Check that a proxy before the services leaves the Date header in." };
  }
  const off = `${formatDuration(Math.abs(worst.ms))} ${worst.ms > 0 ? "ahead of" : "behind"} ${worst.service}'s`;
  if (Math.abs(worst.ms) > clockLimitMs) {
    const message = `This machine's clock is ${off}: slots would be wrong, and nothing is deleted.`;
    return { id, level: "failed", message, fix: "Synchronise the clocks (chrony or systemd-timesyncd)." };
  }
  const close = Math.abs(worst.ms) < 2000;
  const message = close ? "This machine's clock agrees with the services'." : `This machine's clock is ${off}.`;
  return { id, level: "ok", message, fix: null };
}

function certificates({ verifiesCertificates }: Examination): readonly Finding[] {
  if (verifiesCertificates) return [];
  return [
    {
      id: "tls",
      level: "warning",
      message: "Certificates are not checked (verify: false), so passwords may go to anybody in between.",
      fix: "Set cacert in clouds.yaml to the authority that signed the services' certificates, and take verify: false out.",
    },
  ];
}
