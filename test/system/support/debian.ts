import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun, run, start, type Finished } from "./processes.ts";

/** A fresh Debian 12 in a directory, in memory: dpkg waits for the disk after every file. */
export interface Debian {
  readonly root: string;
  /** Runs a command line inside, as root. */
  run(...command: readonly string[]): Promise<Finished>;
  mustRun(...command: readonly string[]): Promise<string>;
  /** Installs package files as an operator who answers no questions. */
  install(...debs: readonly string[]): Promise<void>;
  remove(): Promise<void>;
}

const quiet = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };

/** Makes one with debootstrap, which is installed when it is missing. As root. */
export async function bootstrap(packages: readonly string[]): Promise<Debian> {
  if ((await run("debootstrap", ["--version"]).catch(() => null)) === null) {
    await mustRun("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "debootstrap"], { env: quiet });
  }
  const root = await mkdtemp(join(tmpdir(), "dirigent-debian-"));
  await mustRun("mount", ["-t", "tmpfs", "-o", "size=2g,mode=0755", "tmpfs", root]);
  const include = `--include=${packages.join(",")}`;
  const made = ["--variant=minbase", include, "bookworm", root, await mirror()];
  await mustRun("debootstrap", made, { env: quiet, timeoutMs: 400_000 });
  // As the unit asks for it.
  await mustRun("mount", ["-t", "proc", "-o", "subset=pid,hidepid=invisible", "proc", join(root, "proc")]);
  const inside = (command: readonly string[]) =>
    [
      [root, ...command],
      { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", DEBIAN_FRONTEND: "noninteractive" } },
    ] as const;
  return {
    root,
    run: (...command) => run("chroot", ...inside(command)),
    mustRun: (...command) => mustRun("chroot", ...inside(command)),
    async install(...debs) {
      for (const deb of debs) {
        const name = "/var/tmp/package.deb";
        await mustRun("cp", [deb, join(root, name)]);
        await mustRun("chroot", ...inside(["dpkg", "--force-confold", "--install", name]));
        await rm(join(root, name));
      }
    },
    async remove() {
      await run("umount", [join(root, "proc")]);
      await mustRun("umount", [root]);
      await rm(root, { recursive: true });
    },
  };
}

/** Where this machine has Debian 12 from. */
async function mirror(): Promise<string> {
  const asked = await run("apt-get", [
    "indextargets",
    "--format",
    "$(REPO_URI)",
    "Codename: bookworm",
    "Created-By: Packages",
  ]);
  const found = asked.stdout.split("\n").find((line) => line.startsWith("http"));
  if (found === undefined) throw new Error("apt-get knows no mirror of Debian 12 (bookworm); add one to its sources");
  return found;
}

/** What is needed of an installed unit to start its service as systemd would. */
export interface InstalledUnit {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Reads a unit's `ExecStart=` and `Environment=`. */
export async function readUnit({ root }: Debian, name: string): Promise<InstalledUnit> {
  const text = await readFile(join(root, "usr/lib/systemd/system", name), "utf8");
  const values = (key: string): string[] =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map((m) => m[1] ?? "");
  const pairs = values("Environment").flatMap((line) => line.split(" ").map((pair) => pair.split("=")));
  return {
    command: values("ExecStart")[0]?.split(" ") ?? [],
    environment: Object.fromEntries(pairs.map(([key = "", ...rest]) => [key, rest.join("=")])),
  };
}

/** Does what `LoadCredential=secret:/etc/dirigent/secrets` does. @returns the directory as the service sees it */
export async function loadCredentials(debian: Debian, user: { uid: number; gid: number }): Promise<string> {
  const directory = "/run/credentials/dirigent-conductor.service";
  await mkdir(join(debian.root, directory), { recursive: true });
  for (const name of await readdir(join(debian.root, "etc/dirigent/secrets"))) {
    const file = join(debian.root, directory, `secret_${name}`);
    await writeFile(file, await readFile(join(debian.root, "etc/dirigent/secrets", name)), { mode: 0o400 });
    await chown(file, user.uid, user.gid);
  }
  return directory;
}

/** Starts a command inside as an unprivileged user, in a directory, with nothing of our environment. */
export const startAs = (
  { root }: Debian,
  user: { uid: number; gid: number },
  { command, environment, directory }: InstalledUnit & { readonly directory: string },
): ReturnType<typeof start> =>
  start(
    "chroot",
    [
      `--userspec=${user.uid}:${user.gid}`,
      "--groups=",
      root,
      "sh",
      "-c",
      `cd ${directory} && exec "$@"`,
      "sh",
      ...command,
    ],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...environment },
    },
  );
