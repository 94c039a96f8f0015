/** Bodies as they arrive: too large, compressed, broken, slow. */
import { describe, expect, test } from "bun:test";
import { maxSecretKeyBodyBytes, maxWriteKeyBodyBytes } from "../../src/ingest/limits.ts";
import { rawExchange, statusOf } from "../support/rawHttp.ts";
import { batchOf, errorCode, gzipped, keyTexts, padded, startIngest, track } from "./ingestServer.ts";

describe("sizes", () => {
  test.each([
    ["write key, at its limit", keyTexts.server, maxWriteKeyBodyBytes, 200],
    ["write key, above", keyTexts.server, maxWriteKeyBodyBytes + 1, 413],
    ["secret key, at its limit", keyTexts.secret, maxSecretKeyBodyBytes, 200],
    ["secret key, above", keyTexts.secret, maxSecretKeyBodyBytes + 1, 413],
  ] as const)("%s", async (_what, key, bytes, status) => {
    await using server = startIngest();
    const headers = { Authorization: `Bearer ${key}` };
    const plain = await server.post("/v1/batch", padded(bytes), headers);
    expect(plain.status).toBe(status);
    if (status === 413) expect(await errorCode(plain)).toBe("too_large");
    const chunked = await fetch(`${server.origin}/v1/batch`, {
      method: "POST",
      headers,
      body: new ReadableStream({
        start: (controller) => {
          controller.enqueue(new TextEncoder().encode(padded(bytes)));
          controller.close();
        },
      }),
    });
    expect(chunked.status).toBe(status);
  });

  test("without a key in the headers are those of a write key", async () => {
    await using server = startIngest();
    const body = JSON.stringify({ ...batchOf(1), writeKey: keyTexts.secret }).padEnd(
      maxWriteKeyBodyBytes + 1,
      " ",
    );
    expect((await server.post("/v1/batch", body, {})).status).toBe(413);
  });

  test.each([
    [2_500, 200],
    [2_501, 413],
  ])("a batch of %i events: %i", async (count, status) => {
    await using server = startIngest();
    const response = await server.post("/v1/batch", batchOf(count), {
      Authorization: `Bearer ${keyTexts.secret}`,
    });
    expect(response.status).toBe(status);
    if (status === 413) expect(await errorCode(response)).toBe("batch_too_large");
  });
});

describe("encodings", () => {
  test.each([
    ["gzip", 200],
    ["GZIP", 200],
    ["x-gzip", 200],
    ["br", 415],
    ["deflate", 415],
    ["zstd", 415],
    ["gzip, gzip", 415],
  ])("%s", async (encoding, status) => {
    await using server = startIngest();
    const response = await server.post("/v1/track", gzipped(track), {
      "X-Write-Key": keyTexts.server,
      "Content-Encoding": encoding,
    });
    expect(response.status).toBe(status);
    if (status === 415) expect(await errorCode(response)).toBe("unsupported_encoding");
  });

  test("identity is plain", async () => {
    await using server = startIngest();
    expect(
      (
        await server.post("/v1/track", track, {
          "X-Write-Key": keyTexts.server,
          "Content-Encoding": "identity",
        })
      ).status,
    ).toBe(200);
  });

  const good = gzipped(batchOf(2_000));
  test.each<[string, Uint8Array<ArrayBuffer>, string, number, string]>([
    [
      "what is not gzip",
      new TextEncoder().encode(JSON.stringify(track)),
      keyTexts.server,
      400,
      "invalid_json",
    ],
    ["what is cut short", good.slice(0, good.length - 9), keyTexts.server, 400, "invalid_json"],
    [
      "more than the limit inflated",
      gzipped(padded(maxWriteKeyBodyBytes + 1)),
      keyTexts.server,
      413,
      "too_large",
    ],
    ["a bomb", gzipped(" ".repeat(60_000_000)), keyTexts.secret, 413, "too_large"],
    [
      "a small bomb within the limit",
      gzipped(padded(maxSecretKeyBodyBytes)),
      keyTexts.secret,
      413,
      "too_large",
    ],
  ])("%s is refused", async (_what, body, key, status, code) => {
    await using server = startIngest();
    const response = await server.post("/v1/batch", body, {
      Authorization: `Bearer ${key}`,
      "Content-Encoding": "gzip",
    });
    expect(response.status).toBe(status);
    expect(await errorCode(response)).toBe(code);
    expect(server.accept.frames).toHaveLength(0);
  });

  test("a large good one is taken", async () => {
    await using server = startIngest();
    const varied = {
      batch: Array.from({ length: 2_000 }, (_, index) => ({
        ...track,
        type: "track",
        messageId: crypto.randomUUID(),
        properties: { index, note: crypto.randomUUID() },
      })),
    };
    const body = gzipped(varied);
    expect(body.length).toBeGreaterThan(32 * 1024);
    const response = await server.post("/v1/batch", body, {
      Authorization: `Bearer ${keyTexts.secret}`,
      "Content-Encoding": "gzip",
    });
    expect(response.status).toBe(200);
    expect(server.accept.events).toHaveLength(2_000);
  });
});

/** The head of a request whose length is told by that header line. */
const headWith = (lengthLine: string) =>
  `POST /v1/track HTTP/1.1\r\nHost: localhost\r\nX-Write-Key: ${keyTexts.server}\r\n${lengthLine}\r\n\r\n`;

describe("slow and broken senders", () => {
  test.each(["Content-Length: 100", "Transfer-Encoding: chunked"])(
    "are let go at the deadline: %s",
    async (length) => {
      await using server = startIngest({ bodyDeadlineMs: 50 });
      const received = await rawExchange(server.port, `${headWith(length)}1\r\n{\r\n`, 5_000);
      expect(statusOf(received)).toBe(400);
      expect(received).toContain("invalid_request");
      expect(received.toLowerCase()).toContain("connection: close");
      expect(server.accept.frames).toHaveLength(0);
      expect((await server.post("/v1/track", track)).status).toBe(200);
    },
  );

  test("that hang up mid-body do no harm", async () => {
    await using server = startIngest();
    for (const length of ["Content-Length: 100", "Transfer-Encoding: chunked"])
      await rawExchange(server.port, `${headWith(length)}1\r\n{\r\n`, 20);
    expect((await server.post("/v1/track", track)).status).toBe(200);
    expect(server.accept.frames).toHaveLength(1);
  });

  test("may send a byte a chunk", async () => {
    await using server = startIngest();
    const body = JSON.stringify({ ...track, properties: { long: "x".repeat(10_000) } });
    const chunks = body
      .split("")
      .map((character) => `1\r\n${character}\r\n`)
      .join("");
    const received = await rawExchange(
      server.port,
      `${headWith("Transfer-Encoding: chunked")}${chunks}0\r\n\r\n`,
    );
    expect(statusOf(received)).toBe(200);
    expect(server.accept.events[0]?.event.properties).toEqual({ long: "x".repeat(10_000) });
  });

  test("get their 413 early and the connection lives on", async () => {
    await using server = startIngest();
    const tooLong = `${headWith("Content-Length: 600000")}${"x".repeat(600_000)}`;
    const body = JSON.stringify(track);
    const received = await rawExchange(
      server.port,
      `${tooLong}${headWith(`Content-Length: ${body.length}`)}${body}`,
    );
    expect(statusOf(received)).toBe(413);
    expect(received).toEndWith('{"success":true}');
  });
});
