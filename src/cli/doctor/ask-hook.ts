import { Agent } from "node:https";
import axios from "axios";
import type { Io } from "../../domain/io.ts";
import { automatedMark } from "../../domain/marks.ts";

/** How Cinder would reach the hook. */
export interface HookConnection {
  /** PEM; null: the system's authorities. */
  readonly ca: string | null;
  /** PEM. */
  readonly certificate: string | null;
  /** PEM. */
  readonly key: string | null;
}

/** What one address of the hook's answers, when asked as Cinder asks. */
export interface HookAnswers {
  readonly url: string;
  /** Why it could not be asked; null when it could. */
  readonly problem: string | null;
  /** Whether a member may delete what is marked. It should not. */
  readonly automated: boolean;
  /** Whether a member may delete what is not. He should. */
  readonly own: boolean;
  /** Whether the conductor may delete what is marked; null when its user is not known. */
  readonly conductor: boolean | null;
}

const timeoutMs = 5_000;

/** Ids of nothing. */
const object = "00000000-0000-4000-8000-000000000000";
const project = "00000000000040008000000000000001";
const owner = "00000000000040008000000000000002";
const other = "00000000000040008000000000000003";

/**
 * Asks the hook about a backup that is not there, in three ways. `%(id)s` and the like in the address are filled in as Cinder does.
 * @param url as Cinder's rules have it
 */
export async function askHook(
  url: string,
  { conductorId, connection, io }: { conductorId: string | null; connection: HookConnection; io: Io },
): Promise<HookAnswers> {
  const filled = url.replaceAll("%(id)s", object).replaceAll("%(project_id)s", project);
  const { ca, certificate, key } = connection;
  const client = axios.create({
    httpsAgent: new Agent({
      ...(ca === null ? {} : { ca }),
      ...(certificate === null ? {} : { cert: certificate }),
      ...(key === null ? {} : { key }),
    }),
    proxy: false,
    maxRedirects: 0,
    timeout: timeoutMs,
    responseType: "text",
    transformResponse: [(data: unknown) => data],
    validateStatus: null,
  });
  const ask = async (caller: string, metadata: Readonly<Record<string, string>>): Promise<boolean> => {
    const target = { id: object, project_id: project, user_id: owner, metadata };
    const credentials = { user_id: caller, project_id: project, roles: ["member"], is_admin: false };
    const form = new URLSearchParams({
      rule: JSON.stringify(url.includes("snapshot") ? "volume:delete_snapshot" : "backup:delete"),
      target: JSON.stringify(target),
      credentials: JSON.stringify(credentials),
    });
    const answer = await io.run({ kind: "http", name: "POST policy hook" }, () => client.post<string>(filled, form));
    // oslo.policy looks at nothing else, not even the status.
    return answer.data.replace(/^"+|"+$/g, "") === "True";
  };
  const marked = { [automatedMark]: "True" };
  try {
    return {
      url,
      problem: null,
      automated: await ask(other, marked),
      own: await ask(owner, {}),
      conductor: conductorId === null ? null : await ask(conductorId, marked),
    };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { url, problem, automated: false, own: false, conductor: null };
  }
}
