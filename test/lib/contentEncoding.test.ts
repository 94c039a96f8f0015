import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { decodeBody } from "../../src/lib/contentEncoding.ts";

const megabyte = 1024 ** 2;
const noise = crypto.getRandomValues(new Uint8Array(60_000));

test.each<[string, Uint8Array, string, number, string]>([
  ["plain", noise, "identity", 10, "body"],
  ["no name", noise, "", 10, "body"],
  ["small gzip", gzipSync("hello"), " GZip ", 5, "body"],
  ["one byte too many", gzipSync("hello"), "gzip", 4, "tooLarge"],
  ["large gzip", gzipSync(noise), "gzip", noise.length, "body"],
  ["large gzip, one byte too many", gzipSync(noise), "gzip", noise.length - 1, "tooLarge"],
  ["two members", Buffer.concat([gzipSync("hel"), gzipSync("lo")]), "gzip", 5, "body"],
  ["a high ratio that is small", gzipSync("x".repeat(60_000)), "gzip", megabyte, "body"],
  ["a ratio that only a bomb has", gzipSync("x".repeat(megabyte)), "gzip", 4 * megabyte, "tooLarge"],
  ["no gzip", noise, "gzip", megabyte, "corrupt"],
  ["nothing", new Uint8Array(0), "gzip", megabyte, "corrupt"],
  ["cut short", gzipSync(noise).subarray(0, 50_000), "gzip", megabyte, "corrupt"],
  [
    "a flipped bit",
    gzipSync("hello").map((byte, at) => (at === 10 ? byte ^ 64 : byte)),
    "gzip",
    megabyte,
    "corrupt",
  ],
  [
    "something after it",
    Buffer.concat([gzipSync("hello"), Buffer.from("more")]),
    "gzip",
    megabyte,
    "corrupt",
  ],
  ["another encoding", noise, "br", megabyte, "unsupported"],
  ["several encodings", noise, "gzip, br", megabyte, "unsupported"],
])("%s", async (_what, bytes, encoding, limitBytes, kind) => {
  expect((await decodeBody(bytes, encoding, limitBytes)).kind).toBe(kind as "body");
});

test("gives the text back", async () => {
  const decoded = await decodeBody(gzipSync("hello"), "gzip", 100);
  expect(decoded.kind === "body" && new TextDecoder().decode(decoded.bytes)).toBe("hello");
});
