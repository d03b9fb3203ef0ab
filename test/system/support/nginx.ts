import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./policy-hook.ts";
import { mustRun, start } from "./processes.ts";
import { until } from "./wait.ts";

export const shippedFront = join(import.meta.dirname, "../../../etc/nginx/dirigent-policy.conf");

/** nginx in front of policy hooks, running. */
export interface Front {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Starts nginx with the front that we ship, as it is but for the ports and the second hook, which it has as a comment.
 * @param hookPorts of one hook or two
 */
export async function startFront([first, second]: readonly (number | undefined)[]): Promise<Front> {
  const port = await freePort();
  const text = (await readFile(shippedFront, "utf8"))
    .replace("127.0.0.1:8808", `127.0.0.1:${first}`)
    .replace("127.0.0.1:8818", `127.0.0.1:${port}`);
  const directory = await mkdtemp(join(tmpdir(), "dirigent-nginx-"));
  await chmod(directory, 0o755);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${directory}/${name};`,
  );
  const config = join(directory, "nginx.conf");
  const servers = second === undefined ? text : text.replace("# server 192.0.2.11:8808", `server 127.0.0.1:${second}`);
  await writeFile(
    config,
    `pid ${directory}/pid;\nerror_log ${directory}/error.log;\nevents {}\nhttp {\naccess_log off;\n${paths.join("\n")}\n${servers}\n}\n`,
  );
  const env = { ...process.env, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  const args = ["-p", directory, "-e", join(directory, "error.log"), "-c", config, "-g", "daemon off;"];
  await mustRun("nginx", ["-t", ...args], { env });
  const nginx = start("nginx", args, { env, stdio: "ignore" });
  await until("nginx answers", async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/healthcheck`).catch(() => null);
    return answer?.status === 200;
  });
  return {
    port,
    async stop() {
      nginx.kill("SIGTERM");
      await once(nginx, "exit");
      await rm(directory, { recursive: true });
    },
  };
}
