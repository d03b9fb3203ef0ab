import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { mustRun, start } from "./processes.ts";
import { until } from "./wait.ts";

export interface MariaDb {
  readonly port: number;
  /** Makes an empty utf8mb4 database and returns its URL: mysql://user:password@127.0.0.1:port/name */
  createDatabase(name: string): Promise<string>;
  /** Ends the server as a crash would, keeping its files; `restart` brings it back on the same port. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

const USER = "dirigent";
const PASSWORD = "dirigent";

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  probe.close();
  await once(probe, "close");
  return address.port;
}

/**
 * Starts a mariadbd of Debian's package on a free loopback port, its files in a temporary directory; about 3 s.
 * @throws when mariadb-server is not installed or does not come up within 30 s (with its log)
 */
export async function startMariaDb(): Promise<MariaDb> {
  const dir = await mkdtemp(join(tmpdir(), "dirigent-mariadb-"));
  // Also when the suite is ended before it could stop the server.
  process.once("exit", () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  const port = await freePort();
  const path = "/usr/sbin:/usr/bin:/sbin:/bin";
  const env = { ...process.env, PATH: path };
  const data = join(dir, "data");
  await mustRun("mariadb-install-db", ["--no-defaults", `--datadir=${data}`, "--user=root", "--skip-test-db"], { env });
  const init = join(dir, "init.sql");
  await writeFile(
    init,
    `CREATE OR REPLACE USER ${USER}@'127.0.0.1' IDENTIFIED BY '${PASSWORD}';\nGRANT ALL ON *.* TO ${USER}@'127.0.0.1' WITH GRANT OPTION;\n`,
  );
  const log = join(dir, "log");
  const connect = () => createConnection({ host: "127.0.0.1", port, user: USER, password: PASSWORD });

  const launch = async () => {
    const child = start(
      "mariadbd",
      [
        "--no-defaults",
        "--user=root",
        `--datadir=${data}`,
        `--socket=${join(dir, "sock")}`,
        `--pid-file=${join(dir, "pid")}`,
        `--log-error=${log}`,
        `--init-file=${init}`,
        `--port=${port}`,
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--skip-log-bin",
        // Survives the death of the process, which `kill` is, if not that of the machine; DDL is many times faster.
        "--innodb-flush-log-at-trx-commit=2",
        "--innodb-doublewrite=0",
        "--performance-schema=0",
        "--innodb-buffer-pool-size=64M",
        "--innodb-log-file-size=16M",
        "--character-set-server=utf8mb4",
      ],
      { env, stdio: "ignore" },
    );
    try {
      await until(
        "mariadbd answers",
        async () => {
          if (child.exitCode !== null) throw new Error(`mariadbd ended with ${child.exitCode}`);
          const connection = await connect().catch(() => undefined);
          await connection?.end();
          return connection !== undefined;
        },
        { timeoutMs: 30_000, everyMs: 100 },
      );
    } catch (cause) {
      throw new Error(`mariadbd does not come up:\n${await readFile(log, "utf8").catch(() => "no log")}`, { cause });
    }
    return child;
  };
  let server = await launch();
  const end = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, "exit");
    server.kill(signal);
    await gone;
  };
  return {
    port,
    async createDatabase(name) {
      const connection = await connect();
      await connection.query(`CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4`);
      await connection.end();
      return `mysql://${USER}:${PASSWORD}@127.0.0.1:${port}/${name}`;
    },
    kill: () => end("SIGKILL"),
    async restart() {
      server = await launch();
    },
    async stop() {
      await end("SIGTERM");
      await rm(dir, { recursive: true, force: true });
    },
  };
}
