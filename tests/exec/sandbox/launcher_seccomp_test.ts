import assert from "node:assert/strict";
import fc from "fast-check";
import {
  REFUSED_CALLS,
  socketFilter,
  type SocketRule,
} from "../../../src/exec/sandbox/launcher/seccomp.ts";
import {
  type Architecture,
  auditArchitecture,
  type SyscallName,
  syscallNumber,
} from "../../../src/exec/sandbox/launcher/syscalls.ts";

const ALLOW = 0x7fff0000;
const EPERM = 0x50001;
const ENOSYS = 0x50026;
const KILL = 0x80000000;

const ARCHITECTURES: readonly Architecture[] = ["x86_64", "aarch64"];
const RULES: readonly SocketRule[] = ["unix", "proxy", "network"];

/** What the kernel would decide: an independent reading of classic BPF. */
function decide(
  filter: Uint8Array,
  call: { readonly audit: number; readonly number: number; readonly args: readonly bigint[] },
): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.number, true);
  data.setUint32(4, call.audit, true);
  call.args.forEach((value, index) => data.setBigUint64(16 + index * 8, value, true));
  const view = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  let accumulator = 0;
  for (let at = 0; at < filter.length / 8; at++) {
    const opcode = view.getUint16(at * 8, true);
    const constant = view.getUint32(at * 8 + 4, true);
    const jump = (isTrue: boolean) => at += view.getUint8(at * 8 + (isTrue ? 2 : 3));
    switch (opcode) {
      case 0x20:
        accumulator = data.getUint32(constant, true);
        break;
      case 0x15:
        jump(accumulator === constant);
        break;
      case 0x35:
        jump(accumulator >= constant);
        break;
      case 0x45:
        jump((accumulator & constant) !== 0);
        break;
      case 0x06:
        return constant;
      default:
        assert.fail(`Opcode ${opcode}`);
    }
  }
  return assert.fail("The filter ends without a decision");
}

function decisions(architecture: Architecture, rule: SocketRule) {
  const { bytes, count } = socketFilter(rule, architecture);
  assert.equal(bytes.length, count * 8);
  const audit = auditArchitecture(architecture);
  return (name: SyscallName, ...args: readonly (number | bigint)[]) => {
    const number = syscallNumber(name, architecture);
    assert(number !== null);
    return decide(bytes, { audit, number, args: args.map(BigInt) });
  };
}

for (const architecture of ARCHITECTURES) {
  for (const rule of RULES) {
    Deno.test(`${architecture} filter for ${rule} refuses what it lists and nothing else`, () => {
      const of = decisions(architecture, rule);
      for (const name of REFUSED_CALLS) {
        if (syscallNumber(name, architecture) !== null) assert.equal(of(name), EPERM, name);
      }
      for (
        const name of ["read", "execve", "wait4", "kill", "getcwd", "openat", "prctl"] as const
      ) {
        assert.equal(of(name), ALLOW, name);
      }
      assert.equal(of("clone3"), ENOSYS);
      assert.equal(of("clone", 17), ALLOW);
      assert.equal(of("clone", 0x3d0f00), ALLOW, "A thread");
      for (const flag of [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000]) {
        assert.equal(of("clone", flag | 17), EPERM);
        assert.equal(of("unshare", BigInt(flag) | 1n << 32n), EPERM);
      }
      assert.equal(of("unshare", 0x40000000), EPERM);
      assert.equal(of("unshare", 0x80), EPERM);
      assert.equal(of("unshare", 0x200), ALLOW, "File system attributes are no namespace");
      assert.equal(of("ioctl", 0, 0x5412), EPERM);
      assert.equal(of("ioctl", 0, 0x5412n | 1n << 40n), EPERM, "The kernel ignores the upper half");
      assert.equal(of("ioctl", 0, 0x541c), EPERM);
      assert.equal(of("ioctl", 0x5412, 0x5401), ALLOW);
    });

    Deno.test(`${architecture} filter for ${rule} decides every number and ends`, () => {
      const { bytes } = socketFilter(rule, architecture);
      const looked = ["clone", "clone3", "unshare", "ioctl", "socket", "socketpair"] as const;
      const listed = new Set<number | null>(
        [...REFUSED_CALLS, ...looked].map((name) => syscallNumber(name, architecture)),
      );
      const audit = auditArchitecture(architecture);
      fc.assert(fc.property(
        fc.oneof(fc.nat(600), fc.integer({ min: 0, max: 0xffffffff })),
        fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 6, maxLength: 6 }),
        (number, args) => {
          const decision = decide(bytes, { audit, number, args });
          if (number >= 0x40000000) assert.equal(decision, EPERM, "x32, or no call at all");
          else if (!listed.has(number)) assert.equal(decision, ALLOW);
          assert.equal(decide(bytes, { audit: 0x40000003, number, args }), KILL, "32 bits");
        },
      ));
    });
  }

  Deno.test(`${architecture} filters allow the sockets of their rule`, () => {
    const allowed = (rule: SocketRule) => {
      const of = decisions(architecture, rule);
      return Array.from({ length: 50 }, (_, family) => family)
        .filter((family) => of("socket", family, 1, 0) === ALLOW);
    };
    assert.deepEqual(allowed("unix"), [1]);
    assert.deepEqual(allowed("proxy"), [1, 2, 10, 16]);
    assert.deepEqual(allowed("network"), [1, 2, 10, 16]);
    assert.equal(decisions(architecture, "proxy")("socket", 16, 3, 9), EPERM, "Not NETLINK_ROUTE");
    assert.equal(decisions(architecture, "unix")("socket", 2n | 1n << 40n, 1, 0), EPERM);
    for (const rule of RULES) {
      assert.equal(decisions(architecture, rule)("socketpair", 1, 1, 0), ALLOW);
      assert.equal(decisions(architecture, rule)("socketpair", 2, 1, 0), EPERM);
    }
  });
}
