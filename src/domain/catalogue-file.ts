/**
 * The file through which the conductor tells policy hooks what is automated: lines of text, so that a big one can be read piece by piece. The
 * first line says what it is and when it was written, the last how many lines lie between; each of those is one backup or snapshot.
 */
export interface GuardedPoint {
  readonly id: string;
  readonly kind: "backup" | "snapshot";
  readonly volumeId: string;
  readonly held: boolean;
}

const magic = "dirigent-catalogue 1";

export const fileHeader = (writtenAt: Date): string => `${magic} ${writtenAt.toISOString()}\n`;
export const fileLine = ({ id, kind, volumeId, held }: GuardedPoint): string =>
  `${kind} ${id} ${volumeId} ${held ? "held" : "-"}\n`;
export const fileFooter = (points: number): string => `end ${points}\n`;

/** The text is no such file, or not all of one. */
export class BadCatalogueFile extends Error {
  override get name(): string {
    return "BadCatalogueFile";
  }
}

const linePattern = /^(backup|snapshot) ([\w-]{1,64}) ([\w-]{1,64}) (held|-)$/;

/** Reads a file given in pieces, cut anywhere. */
export class CatalogueFileParser {
  readonly #onPoint: (point: GuardedPoint) => void;
  #rest = "";
  #writtenAt: Date | null = null;
  #points = 0;
  #ended = false;

  constructor(onPoint: (point: GuardedPoint) => void) {
    this.#onPoint = onPoint;
  }

  /** @throws BadCatalogueFile */
  push(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    // A line that never ends must not be collected.
    if (this.#rest.length > 1024) throw new BadCatalogueFile("a line is too long");
    for (const line of lines) this.#line(line);
  }

  /**
   * Call when all pieces are pushed.
   * @returns when the file was written
   * @throws BadCatalogueFile when it is not whole
   */
  end(): Date {
    if (this.#rest !== "" || !this.#ended || this.#writtenAt === null) throw new BadCatalogueFile("it is not whole");
    return this.#writtenAt;
  }

  #line(line: string): void {
    if (this.#ended) throw new BadCatalogueFile("it goes on after its end");
    if (this.#writtenAt === null) {
      const at = line.startsWith(`${magic} `) ? new Date(line.slice(magic.length + 1)) : null;
      if (at === null || Number.isNaN(at.getTime())) throw new BadCatalogueFile(`it does not begin with ${magic}`);
      this.#writtenAt = at;
      return;
    }
    const found = linePattern.exec(line);
    if (found === null) {
      if (line !== `end ${this.#points}`) throw new BadCatalogueFile(`line ${this.#points + 2} cannot be read`);
      this.#ended = true;
      return;
    }
    const [, kind, id = "", volumeId = "", held] = found;
    this.#points += 1;
    this.#onPoint({ kind: kind === "snapshot" ? "snapshot" : "backup", id, volumeId, held: held === "held" });
  }
}
