import { expect, test } from "bun:test";
import { postJson } from "../../src/lib/http.ts";

test("an answer without an end is read as far as it may be worth", async () => {
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () =>
      new Response(
        new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(97)) }),
      ),
  });
  const answer = await postJson(`http://127.0.0.1:${server.port}/`, "{}", {
    headers: {},
    timeoutMs: 20_000,
    signal: new AbortController().signal,
  });
  if (answer.kind !== "answer") throw new Error(answer.why);
  expect(answer.text).toHaveLength(1_000_000);
});
