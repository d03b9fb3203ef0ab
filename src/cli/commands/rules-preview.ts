import { previewPolicies, type PolicyPreview } from "../../conductor/preview-policies.ts";
import { changeKinds, describeSaid, type ChangeKind, type Said } from "../../domain/assignment-changes.ts";
import type { PolicyBook } from "../../domain/policy-book.ts";
import type { Command } from "../command.ts";
import { exit } from "../exit-codes.ts";
import { openConductor } from "../open-conductor.ts";
import { table } from "../output.ts";
import { policyFileOptions, readBook, type PolicyFileOptions } from "../policy-files.ts";

export const rulesPreview: Command<PolicyFileOptions> = {
  path: "rules preview",
  summary: "show whose protection other files of policies and rules would change",
  description:
    "Compares the files of the configuration with those given, over all volumes of the cloud: which get a protection, lose it, get another one, or are excluded. " +
    "Writes nothing anywhere; may run beside the conductor. Files that are not valid end it with status 10.",
  options: policyFileOptions,
  printsData: true,
  async run({ options }, context) {
    const books = { before: readBook(context), after: readBook(context, options) };
    const opened = await openConductor(context, "look");
    try {
      const preview = await previewPolicies(opened.conductor, books, context.signals.cut);
      context.output.data(previewValue(preview, books), () => describePreview(preview, books));
      return exit.ok;
    } finally {
      await opened.close();
    }
  },
};

interface Books {
  readonly before: PolicyBook;
  readonly after: PolicyBook;
}

/** Policies by what becomes of them. */
function policyChanges({ before, after }: Books): Record<"added" | "changed" | "removed", readonly string[]> {
  const text = ({ policies }: PolicyBook, name: string): string => JSON.stringify(policies.get(name));
  const names = [...after.policies.keys()];
  return {
    added: names.filter((name) => !before.policies.has(name)),
    changed: names.filter((name) => before.policies.has(name) && text(before, name) !== text(after, name)),
    removed: [...before.policies.keys()].filter((name) => !after.policies.has(name)),
  };
}

const counts = ({ changes }: PolicyPreview): Record<ChangeKind, number> => {
  const count = (wanted: ChangeKind): number => changes.filter(({ kind }) => kind === wanted).length;
  return {
    added: count("added"),
    changed: count("changed"),
    removed: count("removed"),
    excluded: count("excluded"),
  };
};

const saidValue = ({ excluded, policies }: Said): object => ({ excluded, policies: policies.map(({ name }) => name) });

const previewValue = (preview: PolicyPreview, books: Books): object => ({
  volumes: preview.volumes,
  ...counts(preview),
  policies: policyChanges(books),
  changes: preview.changes.map(({ kind, volume, project, before, after }) => ({
    change: kind,
    volumeId: volume.id,
    volumeName: volume.name,
    projectId: project.id,
    projectName: project.name,
    before: saidValue(before),
    after: saidValue(after),
  })),
});

function describePreview(preview: PolicyPreview, books: Books): string {
  const { changes, volumes } = preview;
  const parts: string[] = [];
  for (const [what, names] of Object.entries(policyChanges(books))) {
    if (names.length > 0) parts.push(`Policies ${what}: ${names.join(", ")}\n`);
  }
  const each = counts(preview);
  const sums = changeKinds.map((kind) => `${each[kind]} ${kind}`).join(", ");
  parts.push(`${changes.length} of ${volumes} volumes change: ${sums}\n`);
  if (changes.length > 0) {
    parts.push(
      "\n",
      table(changes, [
        { title: "CHANGE", value: ({ kind }) => kind },
        { title: "PROJECT", value: ({ project }) => project.name || project.id },
        { title: "VOLUME", value: ({ volume }) => volume.name || volume.id },
        { title: "BEFORE", value: ({ before }) => describeSaid(before) },
        { title: "AFTER", value: ({ after }) => describeSaid(after) },
      ]),
    );
  }
  return parts.join("");
}
