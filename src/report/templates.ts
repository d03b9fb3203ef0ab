import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Liquid, Template } from "liquidjs";
import type { Problem } from "./operators.ts";

/** The built-in templates, by the names of their files; each may be replaced by a file of the operator's. */
export const templateNames = ["project.mjml", "project.txt", "operators.mjml", "operators.txt"] as const;
export type TemplateName = (typeof templateNames)[number];

/** Absolute paths of the operator's own templates. */
export type CustomTemplates = Readonly<Partial<Record<TemplateName, string>>>;

export class TemplateError extends Error {
  override get name(): string {
    return "TemplateError";
  }
}

/** Beside the sources, or beside dist/ when compiled. */
function builtInFolder(): string {
  const candidates = ["../..", "../../.."].map((up) => join(import.meta.dirname, up, "templates"));
  const found = candidates.find((folder) => existsSync(join(folder, "project.mjml")));
  if (found === undefined)
    throw new TemplateError(`this installation has no templates; looked in ${candidates.join(" and ")}`);
  return found;
}

/** Characters, milliseconds and objects: far more than a digest takes. */
const limits = { parseLimit: 1e6, renderLimit: 2000, memoryLimit: 1e8 };

/** A template may neither read files nor run for ever, and a name that it misspells is an error, not an empty place. */
async function engine(isHtml: boolean, isCustom: boolean): Promise<Liquid> {
  const { Liquid } = await import("liquidjs");
  return new Liquid({
    ...(isHtml ? { outputEscape: "escape" as const } : {}),
    strictFilters: true,
    strictVariables: true,
    ownPropertyOnly: true,
    templates: {},
    ...(isCustom ? limits : {}),
  });
}

interface Mjml {
  readonly default: (source: string, options: object) => Promise<{ html: string }>;
}

/** MJML takes half a second to load and tens of megabytes: not before the first mail. */
async function mjmlToHtml(source: string): Promise<string> {
  const load = createRequire(import.meta.url);
  const { default: convert } = load("mjml-core") as Mjml;
  const preset = load("mjml-preset-core") as object;
  const { html } = await convert(source, {
    presets: [preset],
    validationLevel: "strict",
    ignoreIncludes: true,
    keepComments: false,
    fonts: {},
  });
  // What MJML indents by, more than a third of it; there is no preformatted text in it.
  return html.replace(/\n\s+/g, "\n").trim();
}

type Compiled = (data: object) => Promise<string>;

/**
 * MJML comes first and Liquid second: tenants' texts are put, escaped, into HTML that no other parser reads after it, and MJML's work is done once.
 */
async function compile(name: TemplateName, text: string, isCustom: boolean): Promise<Compiled> {
  const isHtml = name.endsWith(".mjml");
  const liquid = await engine(isHtml, isCustom);
  const source = isHtml ? await mjmlToHtml(text) : text;
  const parsed: Template[] = liquid.parse(source);
  return async (data) => String(await liquid.render(parsed, data));
}

/** Templates, compiled when they are first needed. A broken one of the operator's is replaced by the built-in one, and remembered. */
export class Templates {
  readonly #custom: CustomTemplates;
  readonly #onProblem: (problem: Problem) => void;
  readonly #compiled = new Map<string, Promise<Compiled>>();
  readonly #problems = new Map<TemplateName, Problem>();

  /** @param onProblem told once of each template that is broken */
  constructor(custom: CustomTemplates, onProblem: (problem: Problem) => void) {
    this.#custom = custom;
    this.#onProblem = onProblem;
  }

  /** What is broken, as far as it was tried. */
  get problems(): readonly Problem[] {
    return [...this.#problems.values()];
  }

  /** Fills a template in. @throws TemplateError when the built-in one fails, which is a bug */
  async fill(name: TemplateName, data: object): Promise<string> {
    const path = this.#custom[name];
    if (path !== undefined && !this.#problems.has(name)) {
      try {
        return await (
          await this.#get(name, path)
        )(data);
      } catch (error) {
        const text = `broken, so the built-in one is used: ${error instanceof Error ? error.message.trim() : String(error)}`;
        const problem = { what: `template ${path}`, text };
        this.#problems.set(name, problem);
        this.#onProblem(problem);
      }
    }
    return await (
      await this.#get(name, join(builtInFolder(), name))
    )(data);
  }

  #get(name: TemplateName, path: string): Promise<Compiled> {
    const known = this.#compiled.get(path);
    if (known !== undefined) return known;
    const compiled = readFile(path, "utf8").then((text) => compile(name, text, path === this.#custom[name]));
    this.#compiled.set(path, compiled);
    return compiled;
  }
}
