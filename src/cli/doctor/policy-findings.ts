import type { TriedRule } from "../../openstack/actor.ts";
import type { CinderPolicy } from "./cinder-policy.ts";
import type { HookAnswers } from "./ask-hook.ts";
import type { Finding } from "./findings.ts";
import { judgeRule } from "./policy-rules.ts";
import type { PolicyTrial, Tried } from "./policy-trial.ts";

/** All that `doctor policy` has seen. What was not asked for is null, or empty. */
export interface PolicyExamination {
  readonly trial: PolicyTrial | null;
  readonly adminTried: boolean;
  readonly policy: CinderPolicy | null;
  readonly hook: readonly HookAnswers[];
}

/** The rules of the shipped files; volume:delete is optional and has a finding of its own. */
export const guardedRules = [
  "backup:delete",
  "backup:update",
  "volume_extension:backup_admin_actions:force_delete",
  "volume_extension:backup_admin_actions:reset_status",
  "volume:delete_snapshot",
  "volume:update_snapshot",
  "volume:update_snapshot_metadata",
  "volume:delete_snapshot_metadata",
  "volume_extension:snapshot_admin_actions:force_delete",
  "volume_extension:snapshot_admin_actions:reset_status",
  "snapshot_extension:snapshot_unmanage",
] as const;

const putIn = "Put etc/cinder/policy.d/dirigent-zed.yaml (or that of your release) on every host that runs cinder-api";

/** What an examination means, in the order in which one would mend it. */
export const policyFindings = (seen: PolicyExamination): readonly Finding[] => [
  ...(seen.policy === null ? [] : ruleFindings(seen.policy)),
  ...addresses(seen).flatMap((url) => addressFindings(url, seen.policy)),
  ...seen.hook.flatMap(hookFindings),
  ...(seen.trial === null ? [] : trialFindings(seen.trial, seen.adminTried)),
];

/** Where Cinder's rules, or the operator, say that the hook is. */
export const addresses = ({ policy, hook }: Pick<PolicyExamination, "policy" | "hook">): readonly string[] => {
  const named = hook.map(({ url }) => url);
  if (policy === null) return named;
  const inRules = [...guardedRules, "volume:delete"].flatMap((rule) => judgeRule(rule, policy.rules).urls);
  return [...new Set([...inRules, ...named])];
};

function ruleFindings({ rules, paths }: CinderPolicy): Finding[] {
  const verdicts = guardedRules.map((rule) => ({ rule, ...judgeRule(rule, rules) }));
  const named = (verdict: string): string =>
    verdicts.flatMap((each) => (each.verdict === verdict ? [each.rule] : [])).join(", ");
  const [open, bare, unreadable] = [named("open"), named("bare"), named("unreadable")];
  const from = paths.length === 0 ? "there is no policy file" : `read ${paths.join(", ")}`;
  const found: Finding[] = [];
  if (open !== "") {
    const message = `Cinder does not ask the hook for ${open} (${from}).`;
    found.push({ id: "rules.guarded", level: "failed", message, fix: `${putIn}.` });
  }
  if (bare !== "") {
    const message = `The hook alone decides ${bare}: any project may delete or change what is another's and not automated.`;
    const fix = "Join the hook with Cinder's own default by `and`, as etc/cinder/policy.d does.";
    found.push({ id: "rules.default", level: "failed", message, fix });
  }
  if (unreadable !== "") {
    const message = `What these rules let through cannot be told from their text: ${unreadable}.`;
    const fix = "Write them as the files in etc/cinder/policy.d do, and try them (--member).";
    found.push({ id: "rules.unreadable", level: "warning", message, fix });
  }
  if (found.length === 0) {
    const message = `Cinder asks the hook for all ${guardedRules.length} rules, on top of its own (${from}).`;
    found.push({ id: "rules.guarded", level: "ok", message, fix: null });
  }
  if (judgeRule("volume:delete", rules).verdict === "open") {
    const message =
      "A volume can be deleted with its automated snapshots (cascade): Cinder asks for volume:delete alone, and that does not ask the hook.";
    const fix =
      "Where policies make snapshots, weigh etc/cinder/policy.d/dirigent-volume-delete.yaml: every deletion of a volume then depends on the hook.";
    found.push({ id: "rules.volume-delete", level: "warning", message, fix });
  }
  return found;
}

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);

function addressFindings(url: string, policy: CinderPolicy | null): Finding[] {
  const parsed = URL.parse(url.replaceAll(/%\(\w+\)s/g, "x"));
  if (parsed === null) {
    const fix = "Correct it in Cinder's policy file.";
    return [{ id: "hook.address", level: "failed", message: `The hook's address is none: ${url}.`, fix }];
  }
  const { hostname, protocol } = parsed;
  const noProxy =
    `If cinder-api runs with http_proxy or https_proxy in its environment, it needs ${hostname} in NO_PROXY, ` +
    "or the checks go through the proxy.";
  const address: Finding = ((): Finding => {
    const id = "hook.address";
    if (isLoopback(hostname)) {
      return { id, level: "ok", message: `${url} is on Cinder's own host. ${noProxy}`, fix: null };
    }
    if (protocol !== "https:") {
      const message = `${url} is on another host, in plain HTTP: whoever is in between can answer True to everything.`;
      const fix =
        "Run a hook on each host of cinder-api, or use https and [oslo_policy] remote_ssl_verify_server_crt = True.";
      return { id, level: "failed", message, fix };
    }
    const fix =
      "Set [oslo_policy] remote_ssl_verify_server_crt = True and remote_ssl_ca_crt_file in cinder.conf; restart cinder-api.";
    if (policy === null) {
      const message = `Whether Cinder verifies the certificate of ${url} is not known; by default it does not. ${noProxy}`;
      return { id, level: "warning", message, fix: `${fix} Give --cinder-conf to have it checked.` };
    }
    if (!policy.verifiesServer) {
      const message = `Cinder does not verify the certificate of ${url}: whoever is in between can answer True to everything.`;
      return { id, level: "failed", message, fix };
    }
    return { id, level: "ok", message: `Cinder verifies the certificate of ${url}. ${noProxy}`, fix: null };
  })();
  if (!url.includes("%(")) return [address];
  const message = `${url} has an id in it. The hook takes it, but Horizon has none to put there and hides its buttons from everybody.`;
  const fix = "Leave it out: the body that Cinder sends has the id.";
  return [address, { id: "hook.id", level: "warning", message, fix }];
}

function hookFindings({ url, problem, automated, own, conductor }: HookAnswers): Finding[] {
  const id = "hook.answers";
  if (problem !== null) {
    const message = `${url} does not answer from here: ${problem}. While Cinder cannot reach it, nobody deletes or changes any backup or snapshot.`;
    const fix = "Start dirigent policy there, or run this on a host of cinder-api.";
    return [{ id, level: "failed", message, fix }];
  }
  const found: Finding[] = [];
  if (automated) {
    const message = `${url} lets a member delete an automated object: it is no policy hook of Dirigent's, or an old one.`;
    found.push({ id, level: "failed", message, fix: "See what listens there." });
  }
  if (!own) {
    const message = `${url} lets nobody delete what is his own.`;
    const fix =
      "Compare the path with etc/cinder/policy.d; if there is a catalogue, see whether it is missing or stale (the hook logs why it denies).";
    found.push({ id, level: "failed", message, fix });
  }
  if (conductor === false) {
    const message = `${url} does not know the writer, so that rotation is denied, too.`;
    found.push({ id, level: "failed", message, fix: "Put the writer's user id into policy_hook.conductor_user_ids." });
  }
  if (found.length > 0) return found;
  return [{ id, level: "ok", message: `${url} answers as it should.`, fix: null }];
}

const callOf: Readonly<Record<TriedRule, string>> = {
  "backup:delete": "DELETE",
  "backup:update": "PUT",
  "volume_extension:backup_admin_actions:force_delete": "os-force_delete",
  "volume_extension:backup_admin_actions:reset_status": "os-reset_status",
  "volume:delete_snapshot": "DELETE",
  "volume:update_snapshot": "PUT",
  "volume:update_snapshot_metadata": "POST of metadata",
  "volume:delete_snapshot_metadata": "DELETE of metadata",
  "volume_extension:snapshot_admin_actions:force_delete": "os-force_delete",
  "volume_extension:snapshot_admin_actions:reset_status": "os-reset_status",
};

const noHook =
  "Cinder cannot reach the hook: see that it runs, its address in Cinder's policy, proxies (NO_PROXY), and cinder-api's log.";

function trialFindings({ tried, changed, problem, left }: PolicyTrial, adminTried: boolean): Finding[] {
  const found = tried.map(triedFinding);
  for (const kind of changed) {
    const message = `An automated ${kind} was changed although Cinder refused every call.`;
    found.push({ id: "try.unchanged", level: "failed", message, fix: "Please report it, with cinder-api's log." });
  }
  if (!adminTried) {
    const message = "What admins may do (force-delete, reset of the status) was not tried.";
    found.push({
      id: "try.admin",
      level: "warning",
      message,
      fix: "Name a cloud with an admin's credential: --admin.",
    });
  }
  if (problem !== null) {
    const fix =
      "See whether Cinder is well, and whether the member's project has quota for a volume, a snapshot and a backup of 1 GiB.";
    found.push({ id: "try.complete", level: "failed", message: `Not all could be tried: ${problem}.`, fix });
  }
  if (left.length > 0) {
    const message = `Could not be removed: ${left.join(", ")}.`;
    found.push({
      id: "try.left",
      level: "failed",
      message,
      fix: "Mend what is above, then delete them as the writer.",
    });
  }
  return found;
}

function triedFinding({ who, on, rule, answer }: Tried): Finding {
  const object = `${rule.includes("backup") ? "a backup" : "a snapshot"} ${on === "own" ? "of his own" : "that is automated"}`;
  const what = `The ${who}'s ${callOf[rule]} of ${object}`;
  const id = `try.${who}.${on}.${rule}`;
  const { status, accepted, message: words } = answer;
  const said = words === null ? `${status}` : `${status}: ${words}`;
  if (status >= 500) {
    return { id, level: "failed", message: `${what} was answered ${said}.`, fix: noHook };
  }
  if (on === "own" || who === "writer") {
    if (accepted) return { id, level: "ok", message: `${what} works.`, fix: null };
    const fix =
      who === "writer"
        ? "Rotation is denied, too: put the writer's user id into policy_hook.conductor_user_ids, and see that it has the role member."
        : "Users cannot do that either: see the hook's log for why it denies, and whether the member has the role member.";
    return { id, level: "failed", message: `${what} was refused (${said}).`, fix };
  }
  if (!accepted) return { id, level: "ok", message: `${what} is refused (${status}).`, fix: null };
  if (who === "admin") {
    const message = `${what} works: admins are not held back (${rule}).`;
    const fix = `If that is not what policy_hook.admins_may_delete says: ${putIn}.`;
    return { id, level: "warning", message, fix };
  }
  return { id, level: "failed", message: `${what} works: ${rule} is not guarded.`, fix: `${putIn}.` };
}
