import { execFileSync } from "node:child_process";
import { join } from "node:path";

/**
 * Writes the migration that leads from the newest one to the schema, for both dialects: `npm run db:generate -- what_it_does`. Changes nothing
 * where schema and migrations agree already (src/store/migrations.test.ts holds that they do).
 */
const [name] = process.argv.slice(2);
if (name === undefined) throw new Error("say what the migration does: npm run db:generate -- add_policies");

const root = join(import.meta.dirname, "..");
for (const dialect of ["sqlite", "mysql"]) {
  const folder = join("db", dialect);
  const args = ["--dialect", dialect, "--schema", join(folder, "schema.ts"), "--out", join(folder, "migrations")];
  const kit = join(root, "node_modules/drizzle-kit/bin.cjs");
  execFileSync(process.execPath, [kit, "generate", ...args, "--name", name], { cwd: root, stdio: "inherit" });
}
