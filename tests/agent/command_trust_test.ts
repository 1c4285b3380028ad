import assert from "node:assert/strict";
import fc from "fast-check";
import { plainCommands, plainCommandsOfScript } from "../../src/agent/command_policy/parse.ts";
import { isReadOnly } from "../../src/agent/command_policy/read_only.ts";
import { shellJoin } from "../../src/lib/shell_join.ts";

async function isTrusted(script: string): Promise<boolean> {
  const commands = await plainCommands(["/bin/bash", "-lc", script]);
  return commands !== null && commands.every(isReadOnly);
}

const TRUSTED: readonly string[] = [
  "ls",
  "ls -la /tmp",
  "  ls  ",
  "ls;",
  "ls\n",
  "ls\nls -a\n\npwd",
  "ls \\\n  -l",
  "'ls' \"-l\"",
  "ec''ho hi",
  "\\ls",
  "pwd && ls -l",
  "cat a.txt | head -n 5 | tail -1",
  "cat 'a b.txt' \"c d\"",
  "echo 'rm -rf / $(id) `id` > x'",
  'echo "a \\$b \\`c\\` \\"d\\" \\\\"',
  'rg "foo$" src',
  "rg -n --hidden 'a|b' src 2>/dev/null",
  "grep -rn TODO . 2>&1 | wc -l",
  "ls >/dev/null 2>&1 || true",
  "ls &>/dev/null",
  "cat < /dev/null",
  "ls |& cat",
  "echo \\( \\) \\; \\*",
  "find . -name '*.ts' -type f -not -path './x/*' -print",
  "find . \\( -name a -o -name b \\) -mtime -7",
  "sed -n 1,20p a.txt",
  "sed -n '1,5p;10p;$p' a.txt b.txt",
  "cd src && ls",
  "command -v deno",
  "date +%s",
  "date -u",
  "sort -k2,2 -n a | uniq -c",
  "diff -u a b",
  "tr a-z A-Z",
  "stat -c %s file",
  "printf '%s\\n' a",
  "echo a=b",
  "which node; uname -a; whoami; id",
  "file a.bin",
  "tree -L 2",
  "nl -ba a",
  "sha256sum a",
  "head -c 10 a",
  "echo +%:,@./-",
];

const UNTRUSTED: readonly string[] = [
  "",
  "   ",
  "# only a comment",
  "ls # comment",
  "rm -rf /",
  "ls\nrm -rf /",
  "ls\r\nls",
  "ls\0",
  "ls \x07",
  "\u00a0ls",
  "ls\u00a0-l",
  "a$(id)b",
  "ls $(id)",
  "ls `id`",
  'echo "$(id)"',
  'echo "`id`"',
  'echo "a$HOME"',
  "echo $HOME",
  "echo ${x:=1}",
  "echo $((1+1))",
  "echo $'a\\n'",
  'echo $"a"',
  "cat <(id)",
  "cat >(id)",
  "FOO=1 ls",
  "LD_PRELOAD=./x.so ls",
  "PATH=. ls",
  "FOO=1",
  "ls>x",
  "ls > x",
  "ls >> x",
  "ls >| x",
  "ls >&x",
  "ls 2>x",
  "ls &> x",
  "ls >/dev/nullx",
  "ls >/dev/null/../x",
  "ls 3>/dev/null",
  "ls <> x",
  "cat < /etc/passwd",
  "cat {fd}</dev/null",
  "cat <<EOF\nhi\nEOF",
  "cat <<< hi",
  "ls &",
  "ls & rm x",
  "(ls)",
  "{ ls; }",
  "! ls",
  "time ls",
  "coproc ls",
  "if true; then ls; fi",
  "for x in a; do ls; done",
  "while true; do ls; done",
  "case x in x) ls;; esac",
  "ls() { rm x; }; ls",
  "function ls { rm x; }",
  "[[ -f x ]]",
  "((x=1))",
  "ls *",
  "ls a?",
  "ls [ab]",
  "ls {a,b}",
  "ls ~",
  "ls ~root",
  "ls +(a)",
  "echo =ls",
  "echo ^x",
  "echo !!",
  "ls && rm x",
  "ls || rm x",
  "ls | sh",
  "ls | xargs rm",
  "ls &&",
  "echo 'unterminated",
  'echo "unterminated',
  "export A=1",
  "declare x=1",
  "eval ls",
  "exec ls",
  "source x",
  ". x",
  "alias ls=rm",
  "./ls",
  "/tmp/ls",
  "/bin/ls",
  "bash -c ls",
  "sudo ls",
  "env ls",
  "find . -delete",
  "find . -exec rm {} \\;",
  "find . '-exec' rm x \\;",
  "find . -execdir rm x +",
  "find . -ok rm x",
  "find . -fprint x",
  "find . -fprintf x y",
  "find . -fls x",
  "find -files0-from x",
  "rg --pre sh x",
  "rg --pre=sh x",
  "rg --hostname-bin=sh x",
  "rg -z x",
  "rg -nz x",
  "rg --search-zip x",
  "sed -n 1p;w x",
  "sed -n '1p;w x' a",
  "sed -n '1w x' a",
  "sed -n 1e a",
  "sed -i s/a/b/ a",
  "sed 1p a",
  "sed -n 1p -i a",
  "sed -n s/a/b/e a",
  "sort -o x a",
  "sort -ox a",
  "sort -no x a",
  "sort --output=x a",
  "sort --outp=x a",
  "sort --compress-program=sh a",
  "sort --compress-prog sh a",
  "sort -T /x a",
  "uniq a b",
  "tree -o x",
  "tree -R",
  "file -C -m x",
  "diff -l a b",
  "diff --paginate a b",
  "date -s 2020-01-01",
  "date --set=2020-01-01",
  "date 010100002026",
  "printf -v x y",
  "printf %d 'a[$(id)]'",
  "test -v 'a[$(id)]'",
  "[ -f x ]",
  "command ls",
  "command -v ls rm",
  "base64 -o x a",
  "git status",
  "git log",
  "git -c core.fsmonitor=./x status",
  "git diff --ext-diff",
  "cat /proc/1/environ",
  "cat ../../proc/1/environ",
  "cd /proc && cat 1/environ",
  "tee x",
  "awk 1 x",
  "less x",
  "hostname evil",
  "yes",
  "constructor",
  "__proto__ x",
  "toString",
];

Deno.test("only scripts of plain reading commands are trusted", async () => {
  for (const script of TRUSTED) assert.ok(await isTrusted(script), `trusted: ${script}`);
  for (const script of UNTRUSTED) assert.ok(!await isTrusted(script), `not trusted: ${script}`);
});

Deno.test("only a known shell with one script is read as a script", async () => {
  for (const shell of ["bash", "/bin/sh", "/usr/bin/zsh", "/usr/local/bin/bash"]) {
    assert.deepEqual(await plainCommands([shell, "-lc", "ls; pwd"]), [["ls"], ["pwd"]]);
    assert.deepEqual(await plainCommands([shell, "-c", "ls"]), [["ls"]]);
  }
  const whole = [
    ["./bash", "-lc", "ls"],
    ["/tmp/bash", "-c", "ls"],
    ["bash", "-ic", "ls"],
    ["bash", "-c", "ls", "x"],
    ["bash", "-c"],
    ["python", "-c", "ls"],
  ];
  for (const argv of whole) {
    const commands = await plainCommands(argv);
    assert.deepEqual(commands, [argv]);
    assert.ok(!commands?.every(isReadOnly));
  }
  assert.equal(await plainCommands([]), null);
  assert.equal(await plainCommandsOfScript(`echo ${"a".repeat(20_000)}`), null);
});

Deno.test("words are resolved as the shell resolves them", async () => {
  const script = `echo 'a b' "c \\"d\\" \\e" f\\ g h''"i" '' a=b # x`.replace(" # x", "");
  assert.deepEqual(await plainCommandsOfScript(script), [
    ["echo", "a b", 'c "d" \\e', "f g", "hi", "", "a=b"],
  ]);
});

/** Runs a script in bash with no program at hand; every command prints its words instead. */
async function wordsInBash(script: string, cwd: string): Promise<string> {
  const print = `{ printf '%s\\0' "$@"; printf '\\n'; }`;
  const { stdout } = await new Deno.Command("/bin/bash", {
    args: [
      "-c",
      `PATH=/none\ncommand_not_found_handle() ${print}\necho() { set -- echo "$@"; printf '%s\\0' "$@"; printf '\\n'; }\n${script}`,
    ],
    cwd,
    stdin: "null",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

const PIECES = [
  "ls",
  "echo",
  "rm",
  "cat",
  "sh",
  " ",
  " ",
  "\n",
  "\t",
  ";",
  "&&",
  "||",
  "|",
  "&",
  "(",
  ")",
  "{",
  "}",
  "$",
  "`",
  "'",
  '"',
  "\\",
  "<",
  ">",
  "/dev/null",
  "2>&1",
  "#",
  "=",
  "~",
  "*",
  "?",
  "[",
  "!",
  "-l",
  "a",
  "ä",
  "$(",
  "${",
  "<<EOF",
  "EOF",
  "if",
  "then",
  "\0",
  "\r",
];

Deno.test("whatever is trusted consists of words of the table, and every character is accounted for", async () => {
  const script = fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }).map((all) => all.join(""));
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(script, fc.string({ unit: "binary", maxLength: 30 })),
      async (text) => {
        const commands = await plainCommandsOfScript(text);
        if (commands === null) return;
        for (const words of commands) {
          assert.ok(words.length > 0 && words[0] !== "");
          // Nothing of the source may be missing from the words: only separators and quotes may go.
          for (const word of words) assert.ok(!word.includes("\0"));
        }
        const rest = text.replace(
          /2>&1|[012]?>{1,2}[ \t]*\/dev\/null|&>[ \t]*\/dev\/null|<[ \t]*\/dev\/null/g,
          "",
        );
        const letters = (value: string) => value.replace(/[^a-zä]/g, "");
        if (rest === text) {
          assert.equal(letters(commands.flat().join("")), letters(text), JSON.stringify(text));
        }
      },
    ),
    { numRuns: 1500 },
  );
});

Deno.test("bash agrees on the words of every trusted script", async () => {
  const cwd = await Deno.makeTempDir();
  const piece = fc.constantFrom(
    "a",
    "-l",
    "'b c'",
    '"d e"',
    "\\ ",
    '"\\$x"',
    "''",
    "=",
    '"f$"',
    "\\;",
    '"\\g"',
    "'$(touch x)'",
    "\\\n",
    "$",
    "`",
    "~",
    "#",
    "{",
    "*",
  );
  const word = fc.array(piece, { minLength: 1, maxLength: 3 }).map((all) => all.join(""));
  const command = fc.tuple(
    fc.constantFrom("ls", "cat", "echo", "'wc'"),
    fc.array(word, { maxLength: 3 }),
  )
    .map(([name, words]) => [name, ...words].join(" "));
  const script = fc.array(command, { minLength: 1, maxLength: 3 })
    .chain((commands) =>
      fc.constantFrom(";", "\n", " ; ", " \\\n; ", "\n\n").map((glue) => commands.join(glue))
    );
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(script, async (text) => {
      const commands = await plainCommandsOfScript(text);
      if (commands === null || !commands.every(isReadOnly)) return;
      compared++;
      const expected = commands.map((words) => words.map((each) => `${each}\0`).join("") + "\n")
        .join("");
      assert.equal(await wordsInBash(text, cwd), expected, JSON.stringify(text));
    }),
    { numRuns: 400 },
  );
  assert.ok(compared > 20, `only ${compared} scripts were compared`);
  assert.deepEqual([...Deno.readDirSync(cwd)], []);
  await Deno.remove(cwd);
});

Deno.test("shellJoin writes words that a shell reads back", async () => {
  const word = fc.string({
    unit: fc.constantFrom("a", " ", "'", '"', "$", "`", "\\", "!", "\n", "~", "*", "=", "ä"),
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 4 }), async (words) => {
      const { stdout } = await new Deno.Command("/bin/sh", {
        args: ["-c", `for x in ${shellJoin(words)}; do printf '%s|' "$x"; done`],
      }).output();
      assert.equal(new TextDecoder().decode(stdout), words.map((each) => `${each}|`).join(""));
    }),
    { numRuns: 60 },
  );
  assert.equal(shellJoin(["/bin/bash", "-lc", "cat a.txt"]), "/bin/bash -lc 'cat a.txt'");
  assert.equal(shellJoin(["echo", "it's"]), `echo "it's"`);
  assert.equal(shellJoin(["A=1", "b=2"]), "'A=1' 'b=2'");
});
