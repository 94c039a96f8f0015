/**
 * Another server's stream of events, as a program: `sseUpstream.ts <port> <events>`. Event n has the id n and is a
 * track call named `n`, without a messageId, so that nothing but the id keeps it from coming twice. It resumes behind
 * Last-Event-ID, and says which port it took.
 */
const [port, total] = Bun.argv.slice(2).map(Number);
const encoder = new TextEncoder();
const perPull = 10;

function eventsFrom(first: number): ReadableStream<Uint8Array> {
  let next = first;
  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode("retry: 20\n\n")),
    pull: async (controller) => {
      await Bun.sleep(1);
      let text = ": still here\n";
      for (const end = Math.min(next + perPull, (total ?? 0) + 1); next < end; next += 1)
        text += `id: ${next}\ndata: ${JSON.stringify({ type: "track", event: String(next), userId: `u${next % 5}` })}\n\n`;
      controller.enqueue(encoder.encode(text));
    },
  });
}

const server = Bun.serve({
  port: port ?? 0,
  hostname: "127.0.0.1",
  fetch: (request) =>
    new Response(eventsFrom(Number(request.headers.get("last-event-id") ?? 0) + 1), {
      headers: { "Content-Type": "text/event-stream" },
    }),
});
console.log(`listens on ${server.port}`);
