/** Reads requests and sockets as `node:http` hands them over; must not know who may come in. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { HttpAnswer, RequestHead } from "../http.ts";
import { plainAddress } from "./address.ts";

/** What is no HTTP. */
export const BAD_REQUEST: HttpAnswer = { status: 400, headers: {}, body: "" };
/** More than the limit for headers. */
export const HEADERS_TOO_LARGE: HttpAnswer = { status: 431, headers: {}, body: "" };
const REASONS: Readonly<Record<number, string>> = {
  // A health check may ask for an upgrade.
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  405: "Method Not Allowed",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
};

/** Answers and closes. By hand: with an upgrade the socket has left the server of the runtime. */
export function refuse(socket: Socket, answer: HttpAnswer): void {
  if (socket.destroyed) return;
  const { status, body } = answer;
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? "Refused"}`,
    ...Object.entries({ ...headersOf(answer), connection: "close" })
      .map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

/** The headers of an answer, with its length. */
export function headersOf({ headers, body }: HttpAnswer): Record<string, string> {
  return { ...headers, "content-length": String(new TextEncoder().encode(body).length) };
}

/** The head of a request for the gate. */
export function headOf(request: IncomingMessage): RequestHead {
  return {
    method: request.method ?? "",
    target: request.url ?? "",
    header: (name) => {
      const values = valuesOf(request, name);
      return values.length === 0 ? null : values.join(", ");
    },
  };
}

/** All values of a header. From the raw ones: of some that come twice, the parsed ones show the first alone. */
export function valuesOf({ rawHeaders }: IncomingMessage, name: string): readonly string[] {
  const values: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === name) values.push(rawHeaders[index + 1] ?? "");
  }
  return values;
}

/** What a socket is known by: the same for a connection and the TLS on top of it; a unix socket has no port, and no TLS. */
export function keyOf(socket: Socket): unknown {
  const { remoteAddress, remotePort } = socket;
  return remotePort === undefined ? socket : `${remoteAddress} ${remotePort}`;
}

/** The IP address of a client; empty on a unix socket. */
export function addressOf({ remoteAddress }: Socket): string {
  return plainAddress(remoteAddress ?? "");
}

/** The descriptor of a unix socket; null when the runtime no longer shows it. */
export function descriptorOf(socket: Socket): number | null {
  const handle: unknown = "_handle" in socket ? socket._handle : null;
  if (typeof handle !== "object" || handle === null || !("fd" in handle)) return null;
  return typeof handle.fd === "number" && handle.fd >= 0 ? handle.fd : null;
}

/** Whether the client has shown a certificate that was found good. */
export function isAuthorized(socket: Socket): socket is TLSSocket {
  return "authorized" in socket && socket.authorized === true;
}

/** Whose certificate it is. */
export function certificateName(socket: TLSSocket): string {
  const { subject, fingerprint256 } = socket.getPeerCertificate();
  return `certificate:${subject?.CN ?? fingerprint256}`;
}
