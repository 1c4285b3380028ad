/** Reads and writes the heads of HTTP/1 messages, to the letter of the standard; must not know connections. */
import { malformed } from "./refusal.ts";

/** Names as they were written; values without the white space around them. Characters stand for bytes. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** The head of a request. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** Of HTTP/1: 0 or 1. */
  readonly minor: 0 | 1;
  readonly fields: Fields;
}

/** The head of a response. */
export interface ResponseHead {
  readonly status: number;
  readonly phrase: string;
  readonly minor: 0 | 1;
  readonly fields: Fields;
}

const FIELDS_MAX = 200;
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/1\.([01])$/;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
/** Of this hop alone, as the standard lists them, and what is a proxy's business. */
const OWN_FIELDS = new Set([
  "connection",
  "proxy-connection",
  "keep-alive",
  "proxy-authorization",
  "proxy-authenticate",
  "te",
  "trailer",
  "upgrade",
  "transfer-encoding",
]);

/** Throws a `ProxyRefusal` for anything that is not exactly a head. */
export function parseRequestHead(bytes: Uint8Array): RequestHead {
  const [line = "", ...rest] = linesOf(bytes);
  const parts = REQUEST_LINE.exec(line);
  if (parts === null) throw malformed("The first line is no request of HTTP/1");
  const [, method = "", target = "", minor] = parts;
  return { method, target, minor: minor === "1" ? 1 : 0, fields: parseFields(rest) };
}

/** The same for a response. */
export function parseResponseHead(bytes: Uint8Array): ResponseHead {
  const [line = "", ...rest] = linesOf(bytes);
  const parts = STATUS_LINE.exec(line);
  if (parts === null) throw malformed("The first line is no response of HTTP/1");
  const [, minor, status, phrase = ""] = parts;
  return {
    status: Number(status),
    phrase,
    minor: minor === "1" ? 1 : 0,
    fields: parseFields(rest),
  };
}

/** All values of a field, in any case. */
export function valuesOf(fields: Fields, name: string): readonly string[] {
  return fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}

/** The fields that the next hop gets; those that `Connection` names stay here as well. */
export function forwardedFields(fields: Fields): Fields {
  const named = valuesOf(fields, "connection")
    .flatMap((value) => value.split(",").map((each) => each.trim().toLowerCase()));
  const essential = named.find((name) => ["host", "content-length"].includes(name));
  if (essential !== undefined) throw malformed(`Connection must not name ${essential}`);
  const dropped = new Set([...OWN_FIELDS, ...named]);
  return fields.filter(([name]) => !dropped.has(name.toLowerCase()));
}

/** A head as bytes. */
export function encodeHead(line: string, fields: Fields): Uint8Array {
  const text = `${
    [line, ...fields.map(([name, value]) => `${name}: ${value}`)].join("\r\n")
  }\r\n\r\n`;
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Not the decoder for `latin1`: by the standard of the web that is another encoding. */
function byteText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** Lines end with CR and LF alone; a head ends with an empty one. */
function linesOf(bytes: Uint8Array): string[] {
  const lines = byteText(bytes).split("\r\n");
  if (lines.pop() !== "" || lines.pop() !== "") throw malformed("The head is cut off");
  return lines;
}

function parseFields(lines: readonly string[]): Fields {
  if (lines.length > FIELDS_MAX) throw malformed(`There are more than ${FIELDS_MAX} header fields`);
  return lines.map((line) => {
    const parts = FIELD.exec(line);
    // Folded lines, spaces before the colon, lone line feeds and control characters end up here.
    if (parts === null) throw malformed("A header field is malformed");
    const [, name = "", value = ""] = parts;
    return [name, value.replace(/[ \t]+$/, "")] as const;
  });
}
