/** Part of `npm run build`: makes dist/man and dist/completion from the commands and the schema of the configuration. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commands } from "../src/cli/commands.ts";
import { completion, completionFiles, shells } from "../src/cli/manual/completion.ts";
import { manPages } from "../src/cli/manual/pages.ts";
import { shapeOf } from "../src/cli/manual/shape.ts";
import { describeProgram } from "../src/cli/program.ts";

const root = join(import.meta.dirname, "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const program = shapeOf(describeProgram({ version, commands }));
const directory = (name: string): string => {
  const path = join(root, "dist", name);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { recursive: true });
  return path;
};

const man = directory("man");
for (const { file, text } of manPages(program, version)) writeFileSync(join(man, file), text);
const scripts = directory("completion");
for (const shell of shells) writeFileSync(join(scripts, completionFiles[shell]), completion(shell, program));
