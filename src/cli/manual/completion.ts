import { everyShape, type OptionShape, type Shape } from "./shape.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** File names under which the shells look for the scripts. */
export const completionFiles = {
  bash: "dirigent.bash",
  zsh: "_dirigent",
  fish: "dirigent.fish",
} as const satisfies Record<Shell, string>;

/** A script that completes the program's commands, options and their values. */
export function completion(shell: Shell, program: Shape): string {
  switch (shell) {
    case "bash":
      return bash(program);
    case "zsh":
      return zsh(program);
    case "fish":
      return fish(program);
  }
}

/** Options whose value is a file, by the word in their usage. */
const isFile = ({ value }: OptionShape): boolean => value === "<file>";

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** Every option of the program that takes a value, once for each name. */
function valued(program: Shape): readonly OptionShape[] {
  const all = everyShape(program).flatMap(({ options }) => options.filter(({ value }) => value !== null));
  return [...new Map(all.map((option) => [option.long, option])).values()];
}

/** What may stand at a place: options of the command and of the program. */
const optionsAt = (shape: Shape, program: Shape): readonly OptionShape[] => [
  ...new Map([...shape.options, ...program.options].map((option) => [option.long, option])).values(),
];

/** Walks the words of the line to the command that they name; the same in bash and zsh but for the names. */
const walk = (program: Shape, pattern: string, indent: string): string =>
  everyShape(program)
    .filter(({ path }) => path !== "")
    .map(({ path }) => {
      const words = path.split(" ");
      return `${indent}${quoted(`${words.slice(0, -1).join(" ")}:${words.at(-1) ?? ""}`)}) ${pattern} ;;\n`;
    })
    .join("");

function bash(program: Shape): string {
  const values = valued(program).map((option) => {
    const reply = isFile(option)
      ? `COMPREPLY=($(compgen -f -- "$cur"))`
      : option.choices.length > 0
        ? `COMPREPLY=($(compgen -W ${quoted(option.choices.join(" "))} -- "$cur"))`
        : ":";
    return `    ${option.long}) ${reply}; return ;;\n`;
  });
  const places = everyShape(program).map((shape) => {
    const words = [...shape.commands.map(({ name }) => name), ...optionsAt(shape, program).map(({ long }) => long)];
    return `    ${quoted(shape.path)}) words=${quoted(words.join(" "))} ;;\n`;
  });
  return `# bash completion for dirigent, made by: dirigent completion bash
_dirigent() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path='' words='' i
  COMPREPLY=()
  case $prev in
${values.join("")}  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path:\${COMP_WORDS[i]}" in
${walk(program, 'path="${path:+$path }${COMP_WORDS[i]}"', "      ")}    esac
  done
  case $path in
${places.join("")}  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o filenames -F _dirigent dirigent
`;
}

/** What `_describe` and fish show beside a word: one line. */
const described = (name: string, text: string): string => quoted(`${name.replaceAll(":", String.raw`\:`)}:${text}`);

function zsh(program: Shape): string {
  const values = valued(program).map((option) => {
    const reply = isFile(option)
      ? "_files"
      : option.choices.length > 0
        ? `compadd -- ${option.choices.join(" ")}`
        : `_message ${quoted(option.description)}`;
    return `    ${option.long}) ${reply}; return ;;\n`;
  });
  const places = everyShape(program).map((shape) => {
    const list = (entries: readonly (readonly [string, string])[]): string =>
      entries.map(([name, text]) => `        ${described(name, text)}\n`).join("");
    return [
      `    ${quoted(shape.path)})\n`,
      `      commands=(\n${list(shape.commands.map(({ name, summary }) => [name, summary]))}      )\n`,
      `      options=(\n${list(optionsAt(shape, program).map(({ long, description }) => [long, description]))}      ) ;;\n`,
    ].join("");
  });
  return `#compdef dirigent
# zsh completion for dirigent, made by: dirigent completion zsh
_dirigent() {
  local at='' i
  local -a commands options
  case \${words[CURRENT-1]} in
${values.join("")}  esac
  for ((i = 2; i < CURRENT; i++)); do
    case "$at:\${words[i]}" in
${walk(program, 'at="${at:+$at }${words[i]}"', "      ")}    esac
  done
  case $at in
${places.join("")}  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe -o option options
  elif (( \${#commands} )); then
    _describe command commands
  fi
}
if [[ $funcstack[1] == _dirigent ]]; then
  _dirigent "$@"
else
  compdef _dirigent dirigent
fi
`;
}

function fish(program: Shape): string {
  const at = (shape: Shape): string => `__dirigent_at ${quoted(shape.path)}`;
  const lines = everyShape(program).flatMap((shape) => [
    ...shape.commands.map(
      ({ name, summary }) =>
        `complete -c dirigent -f -n ${fishQuoted(at(shape))} -a ${name} -d ${fishQuoted(summary)}\n`,
    ),
    ...shape.options.map((option) => {
      const value =
        option.value === null
          ? ""
          : isFile(option)
            ? " -r -F"
            : option.choices.length > 0
              ? ` -x -a ${fishQuoted(option.choices.join(" "))}`
              : " -x";
      // What the program takes may stand anywhere.
      const where = shape.path === "" ? "" : ` -n ${fishQuoted(at(shape))}`;
      return `complete -c dirigent${where} -l ${option.long.slice(2)}${value} -d ${fishQuoted(option.description)}\n`;
    }),
  ]);
  const paths = everyShape(program)
    .filter(({ path }) => path !== "")
    .map(({ path }) => {
      const words = path.split(" ");
      return `            case ${fishQuoted(`${words.slice(0, -1).join(" ")}:${words.at(-1) ?? ""}`)}\n                set at (string trim -- "$at $word")\n`;
    });
  return `# fish completion for dirigent, made by: dirigent completion fish
function __dirigent_at
    set -l at ''
    for word in (commandline -opc)[2..-1]
        switch "$at:$word"
${paths.join("")}        end
    end
    test "$at" = "$argv[1]"
end
complete -c dirigent -f
${lines.join("")}`;
}

/** In fish's single quotes a backslash escapes itself and the quote. */
const fishQuoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", String.raw`\'`)}'`;
