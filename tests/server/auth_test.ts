import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { join } from "node:path";
import fc from "fast-check";
import type { Admission } from "../../src/server/auth/authorizer.ts";
import { createAuthorizer, type WsAuthFlags, wsAuthOf } from "../../src/server/auth/ws_auth.ts";
import { FakeClock } from "../rpc/fake_clock.ts";

const NOW_SECONDS = 1_800_000_000;
const SKEW_SECONDS = 30;
const SECRET = "0123456789abcdef0123456789abcdef";
const NO_FLAGS: WsAuthFlags = {
  mode: null,
  tokenFile: null,
  tokenSha256: null,
  sharedSecretFile: null,
  issuer: null,
  audience: null,
  maxClockSkewSeconds: null,
};

/** What a server makes of the `Authorization` headers of a client, and what it warned about. */
interface Door {
  knock(...authorization: string[]): Promise<Admission>;
  knockFrom(address: string, authorization: string): Promise<Admission>;
  readonly warnings: readonly string[];
  readonly clock: FakeClock;
}

async function door(flags: Partial<WsAuthFlags>): Promise<Door> {
  const clock = new FakeClock();
  clock.advance(NOW_SECONDS * 1000 - clock.now());
  const warnings: string[] = [];
  const authorizer = await createAuthorizer(wsAuthOf({ ...NO_FLAGS, ...flags }), {
    clock,
    warn: (text) => void warnings.push(text),
  });
  assert.ok(authorizer);
  return {
    // Each from an address of its own, so that no test meets the limit by chance.
    knock: (...authorization) =>
      authorizer.authorize({ authorization, address: crypto.randomUUID() }),
    knockFrom: (address, authorization) =>
      authorizer.authorize({ authorization: [authorization], address }),
    warnings,
    clock,
  };
}

async function inFolder(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "codex-test-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function secretFile(folder: string, text: string, mode = 0o600): Promise<string> {
  const path = join(folder, "secret");
  await Deno.writeTextFile(path, text);
  await Deno.chmod(path, mode);
  return path;
}

function encode(value: unknown): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString(
    "base64url",
  );
}

function sign(payload: unknown, options: {
  readonly header?: unknown;
  readonly secret?: string;
  readonly hash?: string;
} = {}): string {
  const { header = { alg: "HS256", typ: "JWT" }, secret = SECRET, hash = "sha256" } = options;
  const text = `${encode(header)}.${encode(payload)}`;
  return `Bearer ${text}.${createHmac(hash, secret).update(text).digest("base64url")}`;
}

function outcome(admission: Admission): string {
  return admission.type === "admitted"
    ? admission.principal
    : `${admission.status} ${admission.text}`;
}

const LATER = NOW_SECONDS + 60;

Deno.test("a capability token lets in whoever has exactly it", async () => {
  await inFolder(async (folder) => {
    const { knock } = await door({
      mode: "capability-token",
      tokenFile: await secretFile(folder, " right-token\n"),
    });
    for (const header of ["Bearer right-token", "bearer   right-token ", "BEARER right-token"]) {
      assert.equal(outcome(await knock(header)), "capability", header);
    }
    const wrong = ["right-tokem", "right-token2", "right-toke", "Right-Token", "right-token x"];
    for (const token of wrong) {
      assert.equal(outcome(await knock(`Bearer ${token}`)), "401 invalid websocket bearer token");
    }
    const noTokens = [
      "right-token",
      "Basic right-token",
      "Bearer",
      "Bearer ",
      "Bearer ü",
      "Bearer\tright-token",
    ];
    for (const header of noTokens) {
      assert.equal(outcome(await knock(header)), "401 invalid authorization header", header);
    }
    assert.equal(outcome(await knock()), "401 missing websocket bearer token");
    assert.equal(
      outcome(await knock("Bearer right-token", "Bearer right-token")),
      "401 invalid authorization header",
    );
    assert.equal(
      outcome(await knock(`Bearer ${"x".repeat(1024 * 1024)}`)),
      "401 invalid authorization header",
    );
  });
});

Deno.test("a digest and a token in the command line do as well", async () => {
  const tokenSha256 = "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08";
  const byDigest = await door({ mode: "capability-token", tokenSha256 });
  assert.equal(outcome(await byDigest.knock("Bearer test")), "capability");
  assert.equal(outcome(await byDigest.knock("Bearer tesT")), "401 invalid websocket bearer token");
  const inline = await door({ mode: "bearer:a:b" });
  assert.equal(outcome(await inline.knock("Bearer a:b")), "capability");
  assert.equal(outcome(await inline.knock("Bearer a")), "401 invalid websocket bearer token");
});

Deno.test("a token file is read again when it changes, and locks everybody out when it is gone", async () => {
  await inFolder(async (folder) => {
    const tokenFile = await secretFile(folder, "first");
    const { knock, warnings } = await door({ mode: "capability-token", tokenFile });
    assert.equal(outcome(await knock("Bearer first")), "capability");
    // Replaced as a rotation does it: another file under the same name.
    await Deno.writeTextFile(join(folder, "next"), "second");
    await Deno.chmod(join(folder, "next"), 0o600);
    await Deno.rename(join(folder, "next"), tokenFile);
    assert.equal(outcome(await knock("Bearer first")), "401 invalid websocket bearer token");
    assert.equal(outcome(await knock("Bearer second")), "capability");
    assert.deepEqual(warnings, []);
    await Deno.remove(tokenFile);
    assert.equal(outcome(await knock("Bearer second")), "401 invalid websocket bearer token");
    assert.equal(outcome(await knock("Bearer second")), "401 invalid websocket bearer token");
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /^Nobody can connect: .*No such file or directory/);
    await secretFile(folder, "third");
    assert.equal(outcome(await knock("Bearer third")), "capability");
  });
});

Deno.test("secret files that cannot be used are named, and open ones warned about", async () => {
  await inFolder(async (folder) => {
    const open = (flags: Partial<WsAuthFlags>) =>
      createAuthorizer(wsAuthOf({ ...NO_FLAGS, ...flags }), {
        clock: new FakeClock(),
        warn: (text) => assert.fail(text),
      });
    const none = join(folder, "none");
    await assert.rejects(open({ mode: "capability-token", tokenFile: none }), {
      message:
        `failed to read websocket auth secret ${none}: No such file or directory (os error 2)`,
    });
    const path = await secretFile(folder, " \n\t");
    await assert.rejects(open({ mode: "capability-token", tokenFile: path }), {
      message: `websocket auth secret ${path} must not be empty`,
    });
    await secretFile(folder, `${"x".repeat(31)}\n`);
    await assert.rejects(open({ mode: "signed-bearer-token", sharedSecretFile: path }), {
      message: `signed websocket bearer secret ${path} must be at least 32 bytes`,
    });
    await secretFile(folder, "fine", 0o640);
    const { warnings } = await door({ mode: "capability-token", tokenFile: path });
    assert.deepEqual(warnings, [
      `Other users can use ${path}: its mode is 0640; \`chmod 600\` keeps it private`,
    ]);
  });
});

Deno.test("a token that no client could send is refused, at the start and later", async () => {
  await inFolder(async (folder) => {
    const problem = "holds no token: one is a single line of printable ASCII characters";
    const path = await secretFile(folder, "one\ntwo\n");
    for (const text of ["one\ntwo\n", "t\u00f6ken", "x".repeat(16 * 1024 + 1)]) {
      await secretFile(folder, text);
      await assert.rejects(door({ mode: "capability-token", tokenFile: path }), {
        message: `websocket auth secret ${path} ${problem}`,
      });
    }
    for (const mode of ["bearer: ", "bearer: x", "bearer:t\u00f6ken"]) {
      await assert.rejects(door({ mode }), { message: `\`--ws-auth bearer:TOKEN\` ${problem}` });
    }
    await secretFile(folder, "with space");
    const { knock, warnings } = await door({ mode: "capability-token", tokenFile: path });
    assert.equal(outcome(await knock("Bearer with space")), "capability");
    await secretFile(folder, "one\ntwo and more");
    assert.equal(
      outcome(await knock("Bearer with space")),
      "401 invalid websocket bearer token",
    );
    assert.deepEqual(warnings, [`Nobody can connect: websocket auth secret ${path} ${problem}`]);
  });
});

Deno.test("a secret behind a link is read again when the link leads elsewhere", async () => {
  await inFolder(async (folder) => {
    // As mounted secrets are rotated: a link to a folder is replaced.
    for (const name of ["first", "second"]) {
      await Deno.mkdir(join(folder, name));
      await secretFile(join(folder, name), name);
    }
    await Deno.symlink("first", join(folder, "now"));
    await Deno.symlink("now/secret", join(folder, "token"));
    const { knock, warnings } = await door({
      mode: "capability-token",
      tokenFile: join(folder, "token"),
    });
    assert.equal(outcome(await knock("Bearer first")), "capability");
    await Deno.symlink("second", join(folder, "next"));
    await Deno.rename(join(folder, "next"), join(folder, "now"));
    assert.equal(outcome(await knock("Bearer first")), "401 invalid websocket bearer token");
    assert.equal(outcome(await knock("Bearer second")), "capability");
    assert.deepEqual(warnings, []);
  });
});

Deno.test("flags that do not fit together are refused in upstream's words", () => {
  const cases: readonly (readonly [Partial<WsAuthFlags>, string])[] = [
    [
      { mode: "capability-token" },
      "`--ws-token-file` or `--ws-token-sha256` is required when `--ws-auth capability-token` is set",
    ],
    [
      { tokenFile: "x" },
      "websocket auth flags require `--ws-auth capability-token` or `--ws-auth signed-bearer-token`",
    ],
    [
      { issuer: "x" },
      "websocket auth flags require `--ws-auth capability-token` or `--ws-auth signed-bearer-token`",
    ],
    [
      { mode: "capability-token", tokenFile: "x", issuer: "i" },
      "`--ws-shared-secret-file`, `--ws-issuer`, `--ws-audience`, and `--ws-max-clock-skew-seconds` " +
      "require `--ws-auth signed-bearer-token`",
    ],
    [
      { mode: "capability-token", tokenFile: "x", tokenSha256: "y" },
      "`--ws-token-file` and `--ws-token-sha256` are mutually exclusive",
    ],
    [
      { mode: "capability-token", tokenSha256: "abcd" },
      "--ws-token-sha256 must be a 64-character hex SHA-256 digest",
    ],
    [
      { mode: "signed-bearer-token" },
      "`--ws-shared-secret-file` is required when `--ws-auth signed-bearer-token` is set",
    ],
    [
      {
        mode: "signed-bearer-token",
        sharedSecretFile: "y",
        maxClockSkewSeconds: "9223372036854775808",
      },
      "websocket auth clock skew must fit in a signed 64-bit integer",
    ],
    [
      { mode: "signed-bearer-token", tokenFile: "x", sharedSecretFile: "y" },
      "`--ws-token-file` and `--ws-token-sha256` require `--ws-auth capability-token`, " +
      "not `signed-bearer-token`",
    ],
  ];
  for (const [flags, message] of cases) {
    assert.throws(() => wsAuthOf({ ...NO_FLAGS, ...flags }), { message, exitCode: 1 });
  }
});

Deno.test("a signed token is held to its signature, its times, issuer and audience", async () => {
  await inFolder(async (folder) => {
    const { knock } = await door({
      mode: "signed-bearer-token",
      sharedSecretFile: await secretFile(folder, `${SECRET}\n`),
      issuer: "us",
      audience: "them",
    });
    const good = { exp: LATER, iss: "us", aud: "them" };
    const admitted: readonly (readonly [string, string])[] = [
      [sign(good), "signed"],
      [sign({ ...good, sub: "ann" }), "subject:ann"],
      [sign({ ...good, aud: ["others", "them"] }), "signed"],
      [sign({ ...good, exp: NOW_SECONDS - SKEW_SECONDS }), "signed"],
      [sign({ ...good, nbf: NOW_SECONDS + SKEW_SECONDS }), "signed"],
      [sign({ ...good, nbf: null, exp: 2 ** 60 }), "signed"],
      [sign({ ...good, note: "x".repeat(8 * 1024) }), "signed"],
      [
        sign(good, { header: { alg: "HS256", kid: "k", jku: "https://evil/", x5u: "y" } }),
        "signed",
      ],
    ];
    for (const [header, principal] of admitted) {
      assert.equal(outcome(await knock(header)), principal, header);
    }
    const [head = "", body = "", signature = ""] = sign(good).replace("Bearer ", "").split(".");
    const broken: readonly string[] = [
      sign(good, { secret: `${SECRET}x` }),
      sign(good, { header: { alg: "HS384" }, hash: "sha384" }),
      sign(good, { header: { alg: "HS512" }, hash: "sha512" }),
      sign(good, { header: { alg: "RS256" } }),
      sign(good, { header: { alg: "none" } }),
      sign(good, { header: { alg: "hs256" } }),
      sign(good, { header: { alg: "HS256", crit: ["b64"], b64: false } }),
      sign(good, { header: {} }),
      `Bearer ${encode({ alg: "none" })}.${body}.`,
      `Bearer ${encode({ alg: "None" })}.${body}.${signature}`,
      `Bearer ${head}.${body}`,
      `Bearer ${head}.${body}.${signature}=`,
      `Bearer ${head}.${body}.${signature}.${signature}`,
      `Bearer ${head}.${encode({ ...good, exp: LATER + 1 })}.${signature}`,
      sign({ iss: "us", aud: "them" }),
      sign({ ...good, exp: `${LATER}` }),
      sign({ ...good, exp: LATER + 0.5 }),
      sign({ ...good, exp: 1e300 }),
      sign({ ...good, nbf: "soon" }),
      sign({ ...good, iss: ["us"] }),
      sign({ ...good, aud: [5, "them"] }),
      sign(`{"exp":1,"exp":${LATER},"iss":"us","aud":"them"}`),
      sign(`{"exp":1,"\\u0065xp":${LATER},"iss":"us","aud":"them"}`),
      sign(`["exp"]`),
      sign("null"),
      sign("no json"),
    ];
    for (const header of broken) {
      assert.equal(outcome(await knock(header)), "401 invalid websocket jwt", header);
    }
    const unfit: readonly (readonly [Record<string, unknown>, string])[] = [
      [{ ...good, exp: NOW_SECONDS - SKEW_SECONDS - 1 }, "expired websocket jwt"],
      [{ ...good, nbf: NOW_SECONDS + SKEW_SECONDS + 1 }, "websocket jwt is not valid yet"],
      [{ ...good, iss: "you" }, "websocket jwt issuer mismatch"],
      [{ exp: LATER, aud: "them" }, "websocket jwt issuer mismatch"],
      [{ ...good, aud: "us" }, "websocket jwt audience mismatch"],
      [{ ...good, aud: ["theM"] }, "websocket jwt audience mismatch"],
      [{ exp: LATER, iss: "us" }, "websocket jwt audience mismatch"],
    ];
    for (const [payload, text] of unfit) {
      assert.equal(outcome(await knock(sign(payload))), `401 ${text}`);
    }
  });
});

Deno.test("claims inside of others, and names as values, are no doubles", async () => {
  await inFolder(async (folder) => {
    const sharedSecretFile = await secretFile(folder, SECRET);
    const { knock } = await door({ mode: "signed-bearer-token", sharedSecretFile });
    const payload = { exp: LATER, sub: "exp", act: { exp: 1, sub: "x" }, roles: ["exp", "aud"] };
    assert.equal(outcome(await knock(sign(payload))), "subject:exp");
  });
});

Deno.test("an admission says when its credentials end, with the skew that it was admitted by", async () => {
  await inFolder(async (folder) => {
    const { knock } = await door({
      mode: "signed-bearer-token",
      sharedSecretFile: await secretFile(folder, SECRET),
      maxClockSkewSeconds: "5",
    });
    const admission = await knock(sign({ exp: LATER }));
    assert.deepEqual(admission, {
      type: "admitted",
      principal: "signed",
      expiresAtMs: (LATER + 6) * 1000,
    });
  });
});

Deno.test("a flood of wrong tokens is told no more, and the right one is let in beside it", async () => {
  const { knockFrom, clock } = await door({ mode: "bearer:right" });
  const guesses = async (count: number) => {
    const seen: string[] = [];
    let logged = 0;
    for (let index = 0; index < count; index++) {
      const admission = await knockFrom("10.0.0.1", `Bearer wrong-${index}`);
      seen.push(outcome(admission));
      if (admission.type === "refused" && admission.isLogged) logged++;
    }
    return { seen, logged };
  };
  const { seen, logged } = await guesses(1000);
  assert.deepEqual(new Set(seen.slice(0, 10)), new Set(["401 invalid websocket bearer token"]));
  assert.deepEqual(
    new Set(seen.slice(10)),
    new Set(["429 too many failed attempts; wait a minute"]),
  );
  assert.equal(logged, 11);
  assert.equal(outcome(await knockFrom("10.0.0.1", "Bearer right")), "capability");
  assert.equal(
    outcome(await knockFrom("10.0.0.2", "Bearer wrong")),
    "401 invalid websocket bearer token",
  );
  clock.advance(60_000);
  assert.equal((await guesses(1)).seen[0], "401 invalid websocket bearer token");
});

Deno.test("a flood from more addresses than are remembered locks nobody out", async () => {
  const { knockFrom } = await door({ mode: "bearer:right" });
  for (let index = 0; index < 10_000; index++) {
    await knockFrom(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, "Bearer wrong");
  }
  assert.equal(outcome(await knockFrom("10.0.0.1", "Bearer right")), "capability");
  // The newest are remembered; of the oldest nothing is, so memory does not grow with them.
  const statusOf = async (address: string) => {
    let last = "";
    for (let index = 0; index < 10; index++) {
      last = outcome(await knockFrom(address, "Bearer wrong"));
    }
    return last.slice(0, 3);
  };
  assert.equal(await statusOf("10.0.39.15"), "429");
  assert.equal(await statusOf("10.0.0.0"), "401");
});

Deno.test("one network of IPv6 counts as one address", async () => {
  const { knockFrom } = await door({ mode: "bearer:right" });
  for (let index = 0; index < 10; index++) {
    await knockFrom(`2001:db8:1:2::${index.toString(16)}`, "Bearer wrong");
  }
  const statusOf = async (address: string) =>
    outcome(await knockFrom(address, "Bearer x")).slice(0, 3);
  assert.equal(await statusOf("2001:db8:1:2:ffff:1:2:3"), "429");
  assert.equal(await statusOf("2001:db8:1:3::1"), "401");
  assert.equal(await statusOf("::1"), "401");
});

Deno.test("no header makes an authorizer throw or lets a stranger in", async () => {
  await inFolder(async (folder) => {
    const { knock } = await door({
      mode: "signed-bearer-token",
      sharedSecretFile: await secretFile(folder, SECRET),
    });
    const part = fc.oneof(fc.string(), fc.json().map(encode), fc.base64String());
    const header = fc.oneof(
      fc.string(),
      fc.array(part).map((parts) => `Bearer ${parts.join(".")}`),
    );
    await fc.assert(fc.asyncProperty(fc.array(header, { maxLength: 3 }), async (headers) => {
      assert.match(outcome(await knock(...headers)), /^401 /);
    }));
  });
});
