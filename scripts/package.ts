/**
 * `npm run package [-- --out DIR] [--fast]`: builds `dirigent_VERSION_ARCH.deb` for Debian 12 in dist/, for the machine it runs on: compiled program, the
 * pinned Node.js, production packages, migrations, units, configuration, documents. Needs dpkg-deb and what `npm ci` has installed.
 *
 * --fast  hardly compresses: for tests
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

const root = join(import.meta.dirname, "..");
const { values: flags } = parseArgs({
  options: { out: { type: "string", default: join(root, "dist") }, fast: { type: "boolean", default: false } },
});
const { version, description } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, string>;
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };
const architecture = architectures[process.arch];
if (architecture === undefined) throw new Error(`there is no Node.js for ${process.arch} among our packages`);

const stage = mkdtempSync(join(tmpdir(), "dirigent-package-"));
const at = (path: string): string => {
  const file = join(stage, path);
  mkdirSync(dirname(file), { recursive: true });
  return file;
};
const conffiles: string[] = [];
const units = globSync("systemd/*", { cwd: root }).sort();

try {
  program();
  configuration();
  documents();
  control();
  const compression = flags.fast ? ["-Zgzip", "-z1"] : ["-Zxz", "-z6"];
  mkdirSync(flags.out, { recursive: true });
  const deb = join(flags.out, `dirigent_${version ?? ""}_${architecture}.deb`);
  execFileSync("dpkg-deb", ["--root-owner-group", ...compression, "--build", stage, deb], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  console.log(deb);
} finally {
  rmSync(stage, { recursive: true });
}

function program(): void {
  const home = "usr/lib/dirigent";
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const output = ["--outDir", at(`${home}/dist`), "--declaration", "false", "--sourceMap", "false"];
  execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.build.json"), ...output], { stdio: "inherit" });
  for (const file of ["package.json", "LICENSE"]) copyFileSync(join(root, file), at(`${home}/${file}`));
  cpSync(join(root, "bin"), at(`${home}/bin`), { recursive: true });
  for (const dialect of ["sqlite", "mysql"]) {
    cpSync(join(root, "db", dialect, "migrations"), at(`${home}/db/${dialect}/migrations`), { recursive: true });
  }
  if (existsSync(join(root, "templates")))
    cpSync(join(root, "templates"), at(`${home}/templates`), { recursive: true });
  for (const path of productionPackages()) {
    cpSync(join(root, path), at(`${home}/${path}`), { recursive: true, filter: isNeeded });
  }
  copyFileSync(join(root, "packaging", "dirigent"), at("usr/bin/dirigent"));
  chmodSync(at("usr/bin/dirigent"), 0o755);
  for (const unit of units) copyFileSync(join(root, unit), at(`usr/lib/systemd/system/${basename(unit)}`));
}

/** Folders below node_modules that the program needs here: no development packages, none for another processor or C library. */
function productionPackages(): string[] {
  const listed = execFileSync("npm", ["ls", "--omit=dev", "--all", "--parseable"], { cwd: root, encoding: "utf8" });
  const folders = listed
    .split("\n")
    .flatMap((path) => (path.startsWith(`${root}/node_modules/`) ? [relative(root, path)] : []));
  const foreign = process.arch === "x64" ? /arm64|musl/ : /x64|musl/;
  return folders.filter((folder) => !foreign.test(folder));
}

/** What is there for compilers and readers only takes two thirds of the room. */
function isNeeded(path: string): boolean {
  if (/node-linux-[^/]+\/(include|share|CHANGELOG\.md|README\.md)$/.test(path)) return false;
  if (lstatSync(path).isDirectory()) return basename(path) !== ".bin";
  return ![".map", ".mts", ".cts", ".ts"].includes(extname(path));
}

function configuration(): void {
  for (const [from, to] of [
    ["etc/dirigent.yaml", "dirigent.yaml"],
    ["packaging/clouds.yaml", "clouds.yaml"],
  ] as const) {
    copyFileSync(join(root, from), at(`etc/dirigent/${to}`));
    chmodSync(at(`etc/dirigent/${to}`), 0o640);
    conffiles.push(`/etc/dirigent/${to}`);
  }
  for (const directory of ["conf.d", "secrets"]) mkdirSync(join(stage, "etc/dirigent", directory), { mode: 0o750 });
  chmodSync(join(stage, "etc/dirigent"), 0o750);
}

function documents(): void {
  for (const file of globSync("etc/**/*", { cwd: root }).filter((path) => lstatSync(join(root, path)).isFile())) {
    copyFileSync(join(root, file), at(`usr/share/dirigent/${relative("etc", file)}`));
  }
  const documentation = "usr/share/doc/dirigent";
  for (const file of ["README.md", ...globSync("docs/*.md", { cwd: root })]) {
    copyFileSync(join(root, file), at(`${documentation}/${basename(file)}`));
  }
  copyFileSync(join(root, "packaging", "copyright"), at(`${documentation}/copyright`));
  writeFileSync(at(`${documentation}/changelog.gz`), gzipSync(readFileSync(join(root, "CHANGELOG.md")), { level: 9 }));
  execFileSync(process.execPath, [join(root, "scripts", "manual.ts")], { stdio: "inherit" });
  for (const page of globSync("dist/man/*.[1-8]", { cwd: root })) {
    const section = extname(page).slice(1);
    const packed = gzipSync(readFileSync(join(root, page)), { level: 9 });
    writeFileSync(at(`usr/share/man/man${section}/${basename(page)}.gz`), packed);
  }
  for (const [made, to] of [
    ["dirigent.bash", "usr/share/bash-completion/completions/dirigent"],
    ["_dirigent", "usr/share/zsh/vendor-completions/_dirigent"],
    ["dirigent.fish", "usr/share/fish/vendor_completions.d/dirigent.fish"],
  ] as const) {
    copyFileSync(join(root, "dist", "completion", made), at(to));
  }
}

function control(): void {
  normalizeModes(stage);
  const files = globSync("**/*", { cwd: stage }).filter((path) => lstatSync(join(stage, path)).isFile());
  const sum = (path: string): string =>
    createHash("md5")
      .update(readFileSync(join(stage, path)))
      .digest("hex");
  const sizeKiB = files.reduce((total, path) => total + Math.ceil(lstatSync(join(stage, path)).size / 1024), 0);
  const sums = files.filter((path) => !conffiles.includes(`/${path}`)).sort();
  writeFileSync(at("DEBIAN/md5sums"), sums.map((path) => `${sum(path)}  ${path}\n`).join(""));
  writeFileSync(at("DEBIAN/conffiles"), conffiles.map((path) => `${path}\n`).join(""));
  writeFileSync(
    at("DEBIAN/control"),
    [
      "Package: dirigent",
      `Version: ${version ?? ""}`,
      `Architecture: ${architecture ?? ""}`,
      "Maintainer: Dirigent maintainers <maintainers@dirigent.example>",
      `Installed-Size: ${sizeKiB}`,
      "Depends: adduser, procps, libc6 (>= 2.28), libgcc-s1, libstdc++6",
      "Recommends: systemd",
      "Section: admin",
      "Priority: optional",
      `Description: ${(description ?? "").split(":")[0] ?? ""}`,
      ` ${(description ?? "").split(": ")[1] ?? ""}.`,
      " Node.js is inside; nothing else needs to be installed.",
      "",
    ].join("\n"),
  );
  const names = units.map((unit) => basename(unit)).filter((name) => name.endsWith(".service"));
  for (const script of ["postinst", "prerm", "postrm"]) {
    const text = readFileSync(join(root, "packaging", script), "utf8").replaceAll("@UNITS@", names.join(" "));
    writeFileSync(at(`DEBIAN/${script}`), text);
    chmodSync(at(`DEBIAN/${script}`), 0o755);
  }
}

/** Modes as a package has them, whatever the umask here is; those of the configuration are set already. */
function normalizeModes(directory: string): void {
  chmodSync(directory, 0o755);
  for (const path of globSync("**/*", { cwd: directory })) {
    const file = join(directory, path);
    const state = lstatSync(file);
    if (state.isSymbolicLink() || path === "etc/dirigent" || path.startsWith("etc/dirigent/")) continue;
    chmodSync(file, state.isDirectory() || (state.mode & 0o111) !== 0 ? 0o755 : 0o644);
  }
}
