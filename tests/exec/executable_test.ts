import assert from "node:assert/strict";
import fc from "fast-check";
import { executability, formatOf } from "../../src/exec/executable.ts";

const X86_64 = 62;
const encoder = new TextEncoder();

function script(line: string) {
  return formatOf(encoder.encode(line), X86_64);
}

/** The head of a program with one segment, which names its loader. */
function program(options: {
  readonly machine?: number;
  /** The class of the program: 1 for 32 bits, 2 for 64. */
  readonly bits?: number;
  readonly loader?: string;
  readonly at?: number;
} = {}): Uint8Array {
  const { machine = X86_64, bits = 2, loader, at = 128 } = options;
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x7f454c46);
  bytes.set([bits, 1], 4);
  view.setUint16(16, 3, true);
  view.setUint16(18, machine, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  if (loader === undefined) return bytes;
  view.setUint32(64, 3, true);
  view.setBigUint64(72, BigInt(at), true);
  view.setBigUint64(96, BigInt(loader.length + 1), true);
  bytes.set(encoder.encode(loader).subarray(0, bytes.length - at), at);
  return bytes;
}

Deno.test("formatOf reads scripts as the kernel does", () => {
  const check = (line: string, interpreter: string) =>
    assert.deepEqual(script(line), { type: "script", interpreter }, line);
  check("#!/bin/sh\necho", "/bin/sh");
  check("#! \t/usr/bin/env -S deno run\n", "/usr/bin/env");
  for (const line of ["#!/bin/sh", "#!sh\n", "#!\n", `#!/${"x".repeat(300)}\n`]) {
    assert.deepEqual(script(line), { type: "unclear" }, line);
  }
  for (const text of ["", "#", "echo hi\n", "\x7fELX"]) {
    assert.deepEqual(script(text), { type: "foreign" }, text);
  }
});

Deno.test("formatOf reads programs with and without a loader", () => {
  assert.deepEqual(formatOf(program(), X86_64), { type: "program", interpreter: null });
  assert.deepEqual(formatOf(program({ loader: "/lib/ld.so" }), X86_64), {
    type: "program",
    interpreter: "/lib/ld.so",
  });
  const foreign = [
    program({ machine: 183 }),
    program({ bits: 7 }),
    program().subarray(0, 40),
  ];
  for (const head of foreign) assert.deepEqual(formatOf(head, X86_64), { type: "foreign" });
  const unclear = [
    program({ bits: 1 }),
    program({ loader: "/lib/ld.so", at: 250 }),
    program({ loader: "ld.so" }),
    program().subarray(0, 100),
  ];
  for (const head of unclear) assert.deepEqual(formatOf(head, X86_64), { type: "unclear" });
});

Deno.test("formatOf reads any bytes", () => {
  const head = fc.uint8Array({ maxLength: 300 });
  const starts = [new Uint8Array(), encoder.encode("#!"), program().subarray(0, 64)];
  fc.assert(fc.property(head, fc.constantFrom(...starts), (rest, start) => {
    const { type } = formatOf(new Uint8Array([...start, ...rest]), X86_64);
    assert.ok(["script", "program", "foreign", "unclear"].includes(type));
  }));
});

Deno.test({
  name: "what runs on this machine is known to start",
  ignore: Deno.build.os !== "linux",
  fn() {
    for (const path of ["/bin/sh", Deno.execPath(), "/usr/bin/env"]) {
      assert.deepEqual(executability(path), { type: "starts" }, path);
    }
    assert.deepEqual(executability("/no/such/file"), { type: "unknown" });
  },
});
