/** `http/request` of the exec-server, against a real HTTP server on this machine. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { RpcError } from "../../src/rpc/jsonrpc.ts";
import { type ExecClient, refused } from "../support/exec_client.ts";
import { startExecServer, textOf } from "./exec_server_support.ts";

interface Site extends AsyncDisposable {
  readonly url: string;
}

function serve(answer: (request: Request) => Response | Promise<Response>): Site {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function bodyOf(client: ExecClient, requestId: string) {
  let text = "";
  for (let seq = 1;; seq++) {
    const delta = await client.next(
      "http/request/bodyDelta",
      (each) => each.requestId === requestId,
    );
    assert.equal(delta.seq, seq);
    text += textOf(delta.deltaBase64);
    if (delta.done) return { text, error: delta.error };
  }
}

Deno.test("http/request hands a request on and its whole answer back", async () => {
  await using site = serve(async (request) =>
    new Response(`${request.method} ${request.headers.get("x-a")} ${await request.text()}`, {
      status: 201,
      headers: [["set-cookie", "a"], ["set-cookie", "b"]],
    })
  );
  await using exec = await startExecServer();
  const client = await exec.client();
  const { status, headers, bodyBase64 } = await client.request("http/request", {
    method: "POST",
    url: site.url,
    headers: [{ name: "X-A", value: "1" }, { name: "x-a", value: "2" }],
    bodyBase64: btoa("body"),
    requestId: "r",
    redirectPolicy: "follow",
    streamResponse: false,
  });
  assert.deepEqual([status, textOf(bodyBase64)], [201, "POST 1, 2 body"]);
  const cookies = headers.filter(({ name }) => name === "set-cookie").map(({ value }) => value);
  assert.deepEqual(cookies, ["a", "b"]);
});

Deno.test("http/request follows redirects, or stops at them", async () => {
  await using site = serve(({ url }) =>
    url.endsWith("/to")
      ? new Response("there")
      : new Response("redirect", { status: 302, headers: { location: "/to" } })
  );
  await using exec = await startExecServer();
  const client = await exec.client();
  const ask = async (redirectPolicy: "follow" | "stop") => {
    const params = { method: "GET", url: site.url, requestId: "r", redirectPolicy };
    const answer = await client.raw("http/request", params);
    assert.ok(answer && typeof answer === "object" && "status" in answer);
    return answer.status;
  };
  assert.deepEqual([await ask("follow"), await ask("stop")], [200, 302]);
});

Deno.test("a streamed body follows its headers in numbered pieces, and keeps its name until the end", async () => {
  const pieces = Promise.withResolvers<void>();
  await using site = serve(() => {
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode("one "));
        await pieces.promise;
        controller.enqueue(new TextEncoder().encode("two"));
        controller.close();
      },
    });
    return new Response(body);
  });
  await using exec = await startExecServer();
  const client = await exec.client();
  const params = { method: "GET", url: site.url, requestId: "s", streamResponse: true };
  const answer = await client.raw("http/request", params);
  assert.ok(answer && typeof answer === "object" && "bodyBase64" in answer);
  assert.equal(answer.bodyBase64, "");
  await refused(client.raw("http/request", params), {
    code: -32602,
    message: "http/request streamResponse requestId `s` is already active",
  });
  pieces.resolve();
  assert.deepEqual(await bodyOf(client, "s"), { text: "one two", error: null });
  await client.raw("http/request", params);
  assert.deepEqual(await bodyOf(client, "s"), { text: "one two", error: null });
});

Deno.test("a body that breaks off is said to be not whole", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const breaking = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(4096));
    const head = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
    await connection.write(new TextEncoder().encode(head));
  })();
  await using exec = await startExecServer();
  const client = await exec.client();
  const url = `http://127.0.0.1:${listener.addr.port}`;
  await client.raw("http/request", { method: "GET", url, requestId: "b", streamResponse: true });
  const { text, error } = await bodyOf(client, "b");
  assert.deepEqual([text, typeof error], ["half", "string"]);
  await breaking;
  listener.close();
});

Deno.test("http/request ends with its connection, and when its time is over", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}/`;
  await using exec = await startExecServer();
  const client = await exec.client();
  const ask = (more: object) =>
    client.raw("http/request", { method: "GET", url, requestId: "r", ...more });
  // Nobody accepts the connection, let alone answers.
  await refused(ask({ timeoutMs: 5 }), {
    code: -32603,
    message: "http/request failed: it took longer than 5 ms",
  });
  (await listener.accept()).close();
  const lost = ask({}).catch(() => {});
  using connection = await listener.accept();
  const buffer = new Uint8Array(4096);
  await connection.read(buffer);
  client.close();
  assert.equal(await connection.read(buffer).catch(() => null), null);
  await lost;
  listener.close();
});

Deno.test("a whole body has at most 40 MiB", async () => {
  await using site = serve(() => new Response(new Uint8Array(40 * 1024 * 1024 + 1)));
  await using exec = await startExecServer();
  const client = await exec.client();
  await refused(client.raw("http/request", { method: "GET", url: site.url, requestId: "r" }), {
    code: -32603,
    message: "failed to read http/request response body: More than 40 MiB; ask for it with " +
      "streamResponse",
  });
});

Deno.test("http/request refuses what is no request in upstream's words", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  const good = { method: "GET", url: "http://127.0.0.1/", requestId: "r" };
  const refusals: [object, string][] = [
    [{ method: "G T" }, "http/request method is invalid: invalid HTTP method"],
    [{ url: "nope" }, "http/request url is invalid: relative URL without a base"],
    [{ url: "file:///etc/passwd" }, "http/request only supports http and https URLs, got file"],
    [
      { headers: [{ name: "a b", value: "" }] },
      "http/request header name is invalid: invalid HTTP header name",
    ],
    [
      { headers: [{ name: "a", value: "1\r\nb: 2" }] },
      "http/request header value is invalid for a: failed to parse header value",
    ],
    [{ bodyBase64: "!!" }, "Invalid symbol 33, offset 0."],
    [{ redirectPolicy: "x" }, "unknown variant `x`, expected `follow` or `stop`"],
  ];
  for (const [more, message] of refusals) {
    await refused(client.raw("http/request", { ...good, ...more }), { code: -32602, message });
  }
});

Deno.test("http/request is off unless the exec-server may make requests", async () => {
  await using exec = await startExecServer({ httpRefusal: "start the exec-server with --http" });
  const client = await exec.client();
  const params = { method: "GET", url: "http://127.0.0.1/", requestId: "r" };
  await refused(client.raw("http/request", params), {
    code: -32600,
    message: "http/request is not permitted: start the exec-server with --http",
  });
});

Deno.test("http/request answers any method, address and header without ending the connection", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  const text = fc.oneof(fc.string(), fc.constantFrom("http://", "http://[", "GET", "a"));
  await fc.assert(
    fc.asyncProperty(text, text, text, text, async (method, address, name, value) => {
      // Nothing is asked: the port is one that `fetch` never uses.
      const url = address.startsWith("http") ? address : `http://127.0.0.1:1/${address}`;
      const params = { method, url, headers: [{ name, value }], requestId: "r" };
      await assert.rejects(client.raw("http/request", params), RpcError);
    }),
  );
  await client.request("environment/info", undefined);
});
