import assert from "node:assert/strict";
import fc from "fast-check";
import { addressBytes, addressKind, isSameAddress } from "../../src/exec/network_proxy/address.ts";
import { DomainRules } from "../../src/exec/network_proxy/domain_rules.ts";
import { authorityText, parseAuthority, parseHost } from "../../src/exec/network_proxy/host.ts";
import { CodexError } from "../../src/lib/errors.ts";

const NEVER = [
  "0.0.0.0",
  "0.1.2.3",
  "127.0.0.1",
  "127.255.255.254",
  "169.254.169.254",
  "168.63.129.16",
  "192.0.0.192",
  "192.0.2.1",
  "192.88.99.1",
  "198.18.0.1",
  "198.19.255.255",
  "198.51.100.1",
  "203.0.113.1",
  "224.0.0.1",
  "239.255.255.250",
  "240.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::7f00:1",
  "::ffff:7f00:1",
  "::ffff:808:808",
  "64:ff9b::808:808",
  "64:ff9b:1::1",
  "100::1",
  "2001::1",
  "2001:0:1::1",
  "2001:10::1",
  "2001:db8::1",
  "2002:7f00:1::",
  "3fff::1",
  "4000::1",
  "fe80::1",
  "fec0::1",
  "ff02::1",
  "not an address",
  "1.2.3",
  "",
];
const PRIVATE = [
  "10.0.0.1",
  "100.64.0.1",
  "100.127.255.255",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "fc00::1",
  "fdff::1",
];
const PUBLIC = [
  "1.1.1.1",
  "100.63.0.1",
  "100.128.0.1",
  "172.15.0.1",
  "172.32.0.1",
  "223.255.255.255",
];
const PUBLIC_6 = ["2606:2800:220:1::1", "2001:4860:4860::8888", "2a00::1", "2003::1"];

Deno.test("network proxy: addresses are public, private or never reached", () => {
  for (const [kind, texts] of [["never", NEVER], ["private", PRIVATE]] as const) {
    for (const text of texts) assert.equal(addressKind(text).kind, kind, text);
  }
  for (const text of [...PUBLIC, ...PUBLIC_6]) assert.equal(addressKind(text).kind, "public", text);
});

Deno.test("network proxy: an address reads the same as the runtime reads it", () => {
  fc.assert(fc.property(fc.ipV6(), (text) => {
    const canonical = URL.parse(`http://[${text}]/`)?.hostname.slice(1, -1);
    assert(canonical !== undefined);
    assert(addressBytes(text) !== null, text);
    assert(isSameAddress(text, canonical), `${text} ${canonical}`);
  }));
  fc.assert(fc.property(fc.string(), (text) => {
    const bytes = addressBytes(text);
    assert(bytes === null || bytes.length === 4 || bytes.length === 16);
  }));
});

const HOSTS: readonly (readonly [string, string | null])[] = [
  ["example.com", "name example.com"],
  ["EXAMPLE.Com.", "name example.com"],
  ["bücher.example", "name xn--bcher-kva.example"],
  ["XN--BCHER-KVA.example", "name xn--bcher-kva.example"],
  ["ｅｘａｍｐｌｅ。com", "name example.com"],
  ["a_b.example.com", "name a_b.example.com"],
  ["localhost", "name localhost"],
  ["127.0.0.1", "address 127.0.0.1"],
  ["127.1", "address 127.0.0.1"],
  ["0x7f.1", "address 127.0.0.1"],
  ["0177.0.0.1", "address 127.0.0.1"],
  ["2130706433", "address 127.0.0.1"],
  ["0x7f000001", "address 127.0.0.1"],
  ["１２７.0.0.1", "address 127.0.0.1"],
  ["127.0.0.1.", "address 127.0.0.1"],
  ["[::1]", "address ::1"],
  ["[::FFFF:127.0.0.1]", "address ::ffff:7f00:1"],
  ["[0:0:0:0:0:0:0:1]", "address ::1"],
  ["::1", null],
  ["[::1%lo]", null],
  ["[::1", null],
  ["[example.com]", null],
  ["", null],
  [".", null],
  ["..", null],
  ["a..b", null],
  [".example.com", null],
  ["example.com..", null],
  ["-a.com", null],
  ["a b.com", null],
  ["a%2ecom", null],
  ["user@example.com", null],
  ["example.com/x", null],
  ["example.com\\x", null],
  ["example.com#x", null],
  ["example.com:80", null],
  ["1.2.3.4.5", null],
  ["999.1.1.1", null],
  ["a\0.com", null],
  ["a\t.com", null],
  ["a\u00ad.com", "name a.com"],
  [`${"a".repeat(64)}.com`, null],
  [`${"a.".repeat(130)}com`, null],
];

Deno.test("network proxy: hosts have one form, and only one reading", () => {
  for (const [text, expected] of HOSTS) {
    const host = parseHost(text);
    assert.equal(host && `${host.type} ${host.text}`, expected, JSON.stringify(text));
  }
});

Deno.test("network proxy: whatever is read as a host reads as the same host again", () => {
  const text = fc.oneof(
    fc.string(),
    fc.domain(),
    fc.string({ unit: "grapheme" }),
    fc.ipV4Extended(),
  );
  fc.assert(fc.property(text, (each) => {
    const host = parseHost(each);
    if (host === null) return;
    const again = parseHost(host.text.includes(":") ? `[${host.text}]` : host.text);
    assert.deepEqual(again, host);
  }));
});

Deno.test("network proxy: ports are numbers that exist", () => {
  const read = (text: string) => {
    const authority = parseAuthority(text, { defaultPort: null });
    return authority && authorityText(authority);
  };
  assert.equal(read("Example.com:443"), "example.com:443");
  assert.equal(read("[::1]:80"), "[::1]:80");
  assert.equal(read("a.com:00443"), "a.com:443");
  for (
    const text of [
      "a.com",
      "a.com:",
      "a.com:0",
      "a.com:65536",
      "a.com:+80",
      "a.com:80x",
      "a.com: 80",
      "a.com:80:80",
      "a.com:443@evil.test",
      "x:y@a.com:443",
      "::1:80",
      ":80",
      "[]:80",
      "a.com:８0",
    ]
  ) assert.equal(read(text), null, text);
  assert.equal(parseAuthority("a.com", { defaultPort: 80 })?.port, 80);
});

function refusal(
  [host, port]: readonly [string, number],
  rules: readonly string[],
  ports: readonly number[] = [],
): string | null {
  const parsed = parseHost(host);
  assert(parsed !== null);
  return new DomainRules({ allowDomains: rules, allowPorts: ports })
    .refusalOf({ host: parsed, port });
}

Deno.test("network proxy: a name is allowed by itself, below a star, and by nothing else", () => {
  const allowed = (host: string, ...rules: readonly string[]) =>
    refusal([host, 443], rules) === null;
  assert(allowed("example.com", "example.com"));
  assert(allowed("example.com.", "EXAMPLE.com"));
  assert(allowed("bücher.example", "xn--bcher-kva.example"));
  assert(allowed("a.example.com", "*.example.com"));
  assert(allowed("a.b.example.com", "*.example.com"));
  assert(!allowed("example.com", "*.example.com"));
  assert(!allowed("a.example.com", "example.com"));
  assert(!allowed("notexample.com", "*.example.com", "example.com"));
  assert(!allowed("example.com.evil.test", "*.example.com", "example.com"));
  assert(!allowed("example.co", "example.com"));
  assert(!allowed("1.1.1.1", "example.com", "*.example.com"));
  assert(allowed("1.1.1.1", "1.1.1.1"));
  assert(allowed("0x1010101", "1.1.1.1"), "The same address in another notation");
  assert(allowed("[fd00::1]", "fd00::1"));
  assert(!allowed("anything.test"));
});

Deno.test("network proxy: only ports of the web are allowed, and those that are listed", () => {
  const rules = ["example.com"];
  assert.equal(refusal(["example.com", 80], rules), null);
  assert.match(refusal(["example.com", 22], rules) ?? "", /adds 22 to .*allow_ports/);
  assert.equal(refusal(["example.com", 22], rules, [22]), null);
  assert.match(refusal(["evil.test", 22], rules, [22]) ?? "", /adds "evil\.test" there/);
});

Deno.test("network proxy: rules that mean nothing, or too much, are refused by name", () => {
  for (
    const rule of [
      "",
      "*",
      "*.",
      "**.a.com",
      "a.*.com",
      "https://a.com",
      "a.com/x",
      "a.com:443",
      "a@b.com",
      "*.1.2.3.4",
      "127.0.0.1",
      "0x7f.1",
      "::1",
      "169.254.169.254",
      "0.0.0.0",
      "::ffff:1.2.3.4",
    ]
  ) {
    assert.throws(
      () => new DomainRules({ allowDomains: ["a.com", rule], allowPorts: [] }),
      (error) => error instanceof CodexError && error.message.includes(`\`${rule}\``),
      rule,
    );
  }
  assert.throws(() => new DomainRules({ allowDomains: [], allowPorts: [70_000] }), CodexError);
});
