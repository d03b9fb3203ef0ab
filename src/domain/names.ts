import { Temporal } from "temporal-polyfill";

/** What a template for the names of backups may hold, each in braces. */
export const nameVariables = [
  "VOLUME_NAME",
  "BACKUP_DATE",
  "VOLUME_ID",
  "SERVER_NAME",
  "PROJECT_ID",
  "POLICY",
  "TIMESTAMP",
] as const;

export type NameValues = Readonly<Record<(typeof nameVariables)[number], string>>;

/** The limit of Cinder's column, in characters. */
const maximumLength = 255;

/** When the name is too long, these stay whole: they tell two backups of a volume apart. */
const neverCut: ReadonlySet<string> = new Set(["BACKUP_DATE", "TIMESTAMP"]);

const placeholder = new RegExp(`\\{(${nameVariables.join("|")})\\}`);

/** Fills in a template. What is too long loses characters at the end of its longest parts. */
export function backupName(template: string, values: NameValues): string {
  // split() puts what the group caught at the odd places.
  const parts = template.split(placeholder).map((text, i) => {
    const isVariable = i % 2 === 1;
    return {
      characters: Array.from(isVariable ? values[text as keyof NameValues] : text),
      fixed: isVariable && neverCut.has(text),
    };
  });
  const cuttable = parts.filter((part) => !part.fixed);
  const length = parts.reduce((sum, part) => sum + part.characters.length, 0);
  for (let excess = length - maximumLength; excess > 0; excess -= 1) {
    // There is always one: the template's own text, empty or not.
    cuttable
      .reduce((longest, part) => (part.characters.length > longest.characters.length ? part : longest))
      .characters.pop();
  }
  return parts.flatMap((part) => part.characters).join("");
}

/** An instant for a name: local date and time without what Windows file names forbid, with seconds only where there are any. */
export function nameDate(at: Date, timeZone: string): string {
  const local = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(timeZone);
  const smallestUnit = local.second === 0 ? "minute" : "second";
  return local.toPlainDateTime().toString({ smallestUnit }).replaceAll(":", "-");
}
