/** Writes shell completion scripts from the table; must not know how a shell is told to load them. */
import { allFlags, CODEX, type Command, type Flag } from "./commands.ts";

/** The shells that scripts exist for. */
export type Shell = "bash" | "zsh" | "fish";

/** The completion script for one shell. */
export function completionScript(shell: Shell): string {
  switch (shell) {
    case "bash":
      return bashScript();
    case "zsh":
      return zshScript();
    case "fish":
      return fishScript();
  }
}

interface Place {
  readonly path: string;
  readonly command: Command;
}

/** Every command with its path, parents first. */
function places(command: Command = CODEX, prefix = ""): readonly Place[] {
  const path = prefix === "" ? command.name : `${prefix} ${command.name}`;
  return [
    { path, command },
    ...(command.commands ?? []).flatMap((one) => places(one, path)),
  ];
}

function visibleFlags(command: Command): readonly Flag[] {
  return allFlags(command).filter((flag) => !flag.hidden);
}

function spellings(flag: Flag): readonly string[] {
  return flag.short ? [`--${flag.name}`, `-${flag.short}`] : [`--${flag.name}`];
}

function positionalChoices(command: Command): readonly string[] {
  return (command.positionals ?? []).flatMap((one) => one.choices ?? []);
}

/** `case` arms that turn "where we are, next word" into the next place. Bash and zsh share the syntax. */
function stepArms(): string {
  return places().flatMap(({ path, command }) =>
    (command.commands ?? []).map((one) => {
      const words = [one.name, ...(one.aliases ?? [])].map((word) => `"${path} ${word}"`);
      return `      ${words.join("|")}) place="${path} ${one.name}" ;;`;
    })
  ).join("\n");
}

/** `case` arms for the value of a flag; `render` says how the shell offers it. */
function valueArms(render: (flag: Flag) => string): string {
  return places().flatMap(({ path, command }) =>
    visibleFlags(command).filter((flag) => flag.value !== undefined).map((flag) => {
      const words = spellings(flag).map((word) => `"${path} ${word}"`);
      return `    ${words.join("|")}) ${render(flag)} ;;`;
    })
  ).join("\n");
}

function bashScript(): string {
  const wordArms = places().map(({ path, command }) => {
    const words = [
      ...(command.commands ?? []).map((one) => one.name),
      ...(command.commands ? ["help"] : []),
      ...positionalChoices(command),
      ...visibleFlags(command).flatMap(spellings),
    ];
    return `    "${path}") words="${words.join(" ")}" ;;`;
  }).join("\n");
  const values = valueArms((flag) => {
    if (flag.choices) {
      return `COMPREPLY=($(compgen -W "${flag.choices.join(" ")}" -- "$cur")); return`;
    }
    if (flag.completes === "directory") return `COMPREPLY=($(compgen -d -- "$cur")); return`;
    if (flag.completes === "file") return `COMPREPLY=($(compgen -f -- "$cur")); return`;
    return "return";
  });
  return `# bash completion for codex
_codex() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}"
  local place="codex" words="" i
  # Bash splits --flag=value into three words.
  if [[ "$cur" == "=" ]]; then cur=""
  elif [[ "$prev" == "=" ]]; then prev="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$place \${COMP_WORDS[i]}" in
${stepArms()}
    esac
  done
  case "$place $prev" in
${values}
  esac
  case "$place" in
${wordArms}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _codex codex
`;
}

function zshScript(): string {
  const described = (word: string, doc: string) =>
    zshQuote(`${word.replaceAll(":", "\\:")}:${doc}`);
  const wordArms = places().map(({ path, command }) => {
    const items = [
      ...(command.commands ?? []).map((one) => described(one.name, one.doc)),
      ...(command.commands ? [described("help", "Print help")] : []),
      ...positionalChoices(command).map((word) => described(word, "")),
      ...visibleFlags(command).flatMap((flag) =>
        spellings(flag).map((word) => described(word, flag.doc))
      ),
    ];
    return `    "${path}") items=(${items.join(" ")}) ;;`;
  }).join("\n");
  const values = valueArms((flag) => {
    if (flag.choices) return `compadd -- ${flag.choices.join(" ")}; return`;
    if (flag.completes === "directory") return "_files -/; return";
    if (flag.completes === "file") return "_files; return";
    return "_message value; return";
  });
  return `#compdef codex
# zsh completion for codex
_codex() {
  local place="codex" i
  local -a items
  for ((i = 2; i < CURRENT; i++)); do
    case "$place \${words[i]}" in
${stepArms()}
    esac
  done
  case "$place \${words[CURRENT-1]}" in
${values}
  esac
  case "$place" in
${wordArms}
  esac
  _describe codex items
}
if [[ "\${funcstack[1]}" == "_codex" ]]; then _codex "$@"; else compdef _codex codex; fi
`;
}

function zshQuote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishScript(): string {
  const lines = places().flatMap(({ path, command }) => {
    const here = `complete -c codex -n '__codex_at "${path}"'`;
    return [
      ...(command.commands ?? []).map((one) => `${here} -a ${one.name} -d ${fishQuote(one.doc)}`),
      ...(command.commands ? [`${here} -a help -d 'Print help'`] : []),
      ...positionalChoices(command).map((word) => `${here} -a ${word}`),
      ...visibleFlags(command).map((flag) => `${here} ${fishFlag(flag)}`),
    ];
  });
  return `# fish completion for codex
function __codex_at
    set -l place codex
    for word in (commandline -opc)[2..-1]
        switch "$place $word"
${
    places().flatMap(({ path, command }) =>
      (command.commands ?? []).map((one) => {
        const words = [one.name, ...(one.aliases ?? [])].map((word) => `'${path} ${word}'`);
        return `            case ${
          words.join(" ")
        }\n                set place '${path} ${one.name}'`;
      })
    ).join("\n")
  }
        end
    end
    test "$place" = "$argv[1]"
end
complete -c codex -f
${lines.join("\n")}
`;
}

function fishFlag(flag: Flag): string {
  const value = flag.value === undefined
    ? ""
    : flag.choices
    ? ` -x -a ${fishQuote(flag.choices.join(" "))}`
    : flag.completes === "directory"
    ? " -x -a '(__fish_complete_directories)'"
    : flag.completes === "file"
    ? " -r -F"
    : " -x";
  const short = flag.short ? ` -s ${flag.short}` : "";
  return `-l ${flag.name}${short}${value} -d ${fishQuote(flag.doc)}`;
}

function fishQuote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
