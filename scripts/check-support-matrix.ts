/**
 * `npm run check:docs`: the tests that docs/support-matrix.md names exist, and README.md claims only what a test on a real cloud shows.
 * README marks a claim with an HTML comment: `<!-- claim: night, rotation -->`.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Row {
  readonly id: string;
  readonly evidence: string;
  readonly file: string | null;
  readonly title: string | null;
}

const root = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

const rows = read("docs/support-matrix.md")
  .split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (id |---)/.test(line))
  .map((line): Row => {
    const [, id = "", , evidence = "", test = ""] = line.split("|").map((cell) => cell.trim());
    const [, file = null, title = null] = /^`([^`]+)`(?: "(.*)")?$/.exec(test) ?? [];
    return { id, evidence, file, title };
  });

const problems: string[] = [];
if (rows.length < 10) problems.push("docs/support-matrix.md has no table");
for (const { id, evidence, file, title } of rows) {
  if (!["real", "simulated", "read"].includes(evidence)) problems.push(`${id}: unknown evidence ${evidence}`);
  if (evidence === "read") continue;
  if (file === null) problems.push(`${id}: no test is named`);
  else if (!existsSync(join(root, file))) problems.push(`${id}: there is no ${file}`);
  else if (title !== null && !read(file).includes(title)) problems.push(`${id}: ${file} has no test "${title}"`);
  else if (evidence === "real" && !file.startsWith("test/system/"))
    problems.push(`${id}: ${file} is not on a real cloud`);
}
const claims = [...read("README.md").matchAll(/<!-- claim: ([^>]*) -->/g)].flatMap(([, ids = ""]) =>
  ids.split(",").map((id) => id.trim()),
);
if (claims.length === 0) problems.push("README.md marks no claims");
for (const claim of claims) {
  const row = rows.find((each) => each.id === claim);
  if (row === undefined) problems.push(`README.md claims ${claim}, which the matrix does not know`);
  else if (row.evidence !== "real") problems.push(`README.md claims ${claim}, whose evidence is ${row.evidence} only`);
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`${rows.length} capabilities, ${claims.length} claims: all have their evidence`);
