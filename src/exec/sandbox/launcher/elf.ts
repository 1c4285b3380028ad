/** Puts code and script into an executable file: static, no libraries, nothing both writable and executable. */
import { ArmAssembler } from "./aarch64.ts";
import { assembleInterpreter } from "./interpreter.ts";
import { encodeScript, type Operation, SLOT_BYTES } from "./script.ts";
import { type Architecture, syscallNumber } from "./syscalls.ts";
import { X86Assembler } from "./x86_64.ts";
import { invariant } from "../../../lib/errors.ts";

/**
 * Memory of the launcher, far apart enough for pages of 64 KiB:
 *
 *     0x400000  headers and code            read, execute
 *     0x501000  constants, records, data    read
 *     0x800000  slots                       read, write; all zero, not in the file
 */
const CODE_ADDRESS = 0x400000;
const CODE_FILE_BYTES = 0x1000;
const DATA_ADDRESS = 0x500000 + CODE_FILE_BYTES;
const SLOT_ADDRESS = 0x800000;
const ONES = DATA_ADDRESS;
const ZEROS = ONES + 8;
/** Address of the first record. */
export const RECORDS_ADDRESS = ZEROS + 32;

const FILE_HEADER_BYTES = 64;
const SEGMENT_HEADER_BYTES = 56;
const MACHINES: Readonly<Record<Architecture, number>> = { x86_64: 62, aarch64: 183 };
const PT_LOAD = 1;
const PT_GNU_STACK = 0x6474e551;
const READ = 4;
const WRITE = 2;
const EXECUTE = 1;
const ALIGNMENT = 0x10000;

interface Segment {
  readonly type: number;
  readonly access: number;
  readonly fileOffset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
}

/** The executable that carries out the operations. */
export function buildExecutable(
  operations: readonly Operation[],
  architecture: Architecture,
): Uint8Array<ArrayBuffer> {
  const assembler = architecture === "x86_64" ? new X86Assembler() : new ArmAssembler();
  const at = { records: RECORDS_ADDRESS, slots: SLOT_ADDRESS, ones: ONES, zeros: ZEROS };
  assembleInterpreter(assembler, { architecture, at });
  const code = assembler.bytes();
  const headers = FILE_HEADER_BYTES + 4 * SEGMENT_HEADER_BYTES;
  const entry = CODE_ADDRESS + headers;
  invariant(headers + code.length <= CODE_FILE_BYTES, "The code does not fit into its page");
  const script = encodeScript(operations, {
    records: RECORDS_ADDRESS,
    slots: SLOT_ADDRESS,
    routines: {
      perform: entry + assembler.offsetOf("perform"),
      copy: entry + assembler.offsetOf("copy"),
      supervise: entry + assembler.offsetOf("supervise"),
      execute: entry + assembler.offsetOf("execute"),
    },
    numberOf: (name) => {
      const number = syscallNumber(name, architecture);
      invariant(number !== null, `There is no ${name} on ${architecture}`);
      return number;
    },
  });
  const dataBytes = RECORDS_ADDRESS - DATA_ADDRESS + script.length;
  invariant(DATA_ADDRESS + dataBytes <= SLOT_ADDRESS, "Too many paths for one launcher");
  const file = new Uint8Array(CODE_FILE_BYTES + dataBytes);
  writeHeaders(file, {
    architecture,
    entry,
    segments: segmentsOf(headers + code.length, dataBytes),
  });
  file.set(code, headers);
  file.fill(0xff, CODE_FILE_BYTES, CODE_FILE_BYTES + ZEROS - ONES);
  file.set(script, CODE_FILE_BYTES + RECORDS_ADDRESS - DATA_ADDRESS);
  return file;
}

function segmentsOf(codeBytes: number, dataBytes: number): Segment[] {
  const inFile = (fileBytes: number) => ({ fileBytes, memoryBytes: fileBytes });
  const load = { type: PT_LOAD, fileOffset: 0 };
  return [
    { ...load, access: READ | EXECUTE, address: CODE_ADDRESS, ...inFile(codeBytes) },
    {
      ...load,
      access: READ,
      fileOffset: CODE_FILE_BYTES,
      address: DATA_ADDRESS,
      ...inFile(dataBytes),
    },
    {
      ...load,
      access: READ | WRITE,
      address: SLOT_ADDRESS,
      fileBytes: 0,
      memoryBytes: SLOT_BYTES,
    },
    // Without it the kernel would make the stack executable.
    { ...load, type: PT_GNU_STACK, access: READ | WRITE, address: 0, ...inFile(0) },
  ];
}

function writeHeaders(
  file: Uint8Array<ArrayBuffer>,
  options: {
    readonly architecture: Architecture;
    readonly entry: number;
    readonly segments: readonly Segment[];
  },
): void {
  const view = new DataView(file.buffer);
  const put64 = (offset: number, value: number) => view.setBigUint64(offset, BigInt(value), true);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // ELF, 64 bits, little-endian, version 1
  view.setUint16(16, 2, true); // executable at fixed addresses
  view.setUint16(18, MACHINES[options.architecture], true);
  view.setUint32(20, 1, true);
  put64(24, options.entry);
  put64(32, FILE_HEADER_BYTES); // the segment headers follow
  view.setUint16(52, FILE_HEADER_BYTES, true);
  view.setUint16(54, SEGMENT_HEADER_BYTES, true);
  view.setUint16(56, options.segments.length, true);
  options.segments.forEach((segment, index) => {
    const offset = FILE_HEADER_BYTES + index * SEGMENT_HEADER_BYTES;
    view.setUint32(offset, segment.type, true);
    view.setUint32(offset + 4, segment.access, true);
    put64(offset + 8, segment.fileOffset);
    put64(offset + 16, segment.address);
    put64(offset + 24, segment.address);
    put64(offset + 32, segment.fileBytes);
    put64(offset + 40, segment.memoryBytes);
    put64(offset + 48, segment.type === PT_LOAD ? ALIGNMENT : 16);
  });
}
