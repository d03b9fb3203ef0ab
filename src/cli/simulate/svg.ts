/** Pictures as text: what all of them share. They stand alone, in a page or as a file, in light and in dark. */

export const escapeXml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** Chosen to differ also for those who do not see all colours, and to stand out on both grounds. */
export const style = `
.ground { fill: #ffffff; }
text { fill: #1f2933; font: 13px system-ui, sans-serif; }
.soft { fill: #52606d; }
.grid { stroke: #d9e2ec; stroke-width: 1; }
.full { stroke: #0b61a4; fill: #0b61a4; }
.incremental { stroke: #d9822b; fill: #d9822b; }
.archive { stroke: #7a3e9d; fill: #7a3e9d; }
.snapshot { stroke: #0f8a5f; fill: #0f8a5f; }
.area { fill: #0b61a4; fill-opacity: 0.35; stroke: #0b61a4; stroke-width: 1.5; }
.life { fill: none; stroke-width: 1.2; }
@media (prefers-color-scheme: dark) {
  .ground { fill: #16191d; }
  text { fill: #e4e7eb; }
  .soft { fill: #9aa5b1; }
  .grid { stroke: #323f4b; }
  .full { stroke: #62b0ff; fill: #62b0ff; }
  .incremental { stroke: #f0a850; fill: #f0a850; }
  .archive { stroke: #c792ea; fill: #c792ea; }
  .snapshot { stroke: #4cd3a5; fill: #4cd3a5; }
  .area { fill: #62b0ff; stroke: #62b0ff; }
  .life { fill: none; }
}`;

export interface Picture {
  readonly id: string;
  readonly title: string;
  /** What it shows, for those who do not see it. */
  readonly description: string;
  readonly width: number;
  readonly height: number;
  readonly body: string;
}

/** @param own with its style inside, for a file of its own */
export const svg = ({ id, title, description, width, height, body }: Picture, own = false): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="${id}-title ${id}-about" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title id="${id}-title">${escapeXml(title)}</title>`,
    `<desc id="${id}-about">${escapeXml(description)}</desc>`,
    own ? `<style>${style}\n</style>` : "",
    `<rect class="ground" width="${width}" height="${height}"/>`,
    body,
    "</svg>",
    "",
  ]
    .filter((line, index) => line !== "" || index === 7)
    .join("\n");

export const short = (value: number): string => String(Math.round(value * 10) / 10);

export function text(
  x: number,
  y: number,
  words: string,
  { anchor = "start", soft = false }: { readonly anchor?: "start" | "middle" | "end"; readonly soft?: boolean } = {},
): string {
  return `<text x="${short(x)}" y="${short(y)}" text-anchor="${anchor}"${soft ? ' class="soft"' : ""}>${escapeXml(words)}</text>`;
}

export const line = (x1: number, y1: number, x2: number, y2: number): string =>
  `<line class="grid" x1="${short(x1)}" y1="${short(y1)}" x2="${short(x2)}" y2="${short(y2)}"/>`;

/** A colour and its word, one after the other. */
export function legend(kinds: readonly string[], x: number, y: number): string {
  let at = x;
  return kinds
    .map((kind) => {
      const item = `<circle class="${kind}" cx="${short(at + 5)}" cy="${short(y - 4)}" r="4.5"/>${text(at + 15, y, kind)}`;
      at += 40 + kind.length * 8;
      return item;
    })
    .join("\n");
}
