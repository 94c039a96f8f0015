/** The load client: what it sends, and that it takes nothing but success for an answer. */
import { describe, expect, test } from "bun:test";
import { runLoad } from "../../bench/load/run.ts";
import type { LoadJob } from "../../bench/load/job.ts";
import { EventRequest, eventJson, Randomness } from "../../bench/load/payload.ts";

const job: LoadJob = {
  port: 0,
  request: { kind: "track" },
  connections: 4,
  ratePerSecond: null,
  warmupSeconds: 0,
  seconds: 1,
  answers: 200,
  users: 50,
  authorization: "Bearer sk_x",
  feed: null,
  seed: 1,
};

/** A server that keeps what it was sent and answers as it is told. */
function echo(answer: (count: number) => Response) {
  const bodies: { readonly messageId: string; readonly userId: string }[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      bodies.push((await request.json()) as (typeof bodies)[number]);
      return answer(bodies.length);
    },
  });
  return { port: server.port ?? 0, bodies, [Symbol.asyncDispose]: () => server.stop(true) };
}

describe("the load client", () => {
  test("sends events of 450 bytes, each with a messageId of its own, spread over the users", async () => {
    expect(Buffer.byteLength(eventJson(new Date()))).toBe(450);
    await using server = echo(() => Response.json({ success: true }));
    const report = await runLoad({ ...job, port: server.port });
    expect(report.answers).toBeGreaterThanOrEqual(200);
    expect(report.latency.count).toBe(report.answers);
    const ids = new Set(server.bodies.map(({ messageId }) => messageId));
    expect(ids.size).toBe(server.bodies.length);
    expect([...ids].every((id) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))).toBe(true);
    const users = new Set(server.bodies.map(({ userId }) => userId));
    expect(users.size).toBeGreaterThan(40);
    expect(users.size).toBeLessThanOrEqual(50);
  });

  test("gives up at the first answer that is no success", async () => {
    await using server = echo((count) => new Response("{}", { status: count === 100 ? 429 : 200 }));
    const outcome = await runLoad({ ...job, port: server.port }).catch((error: unknown) => String(error));
    expect(outcome).toBe("Error: an answer 429 instead of 200");
  });

  test("makes another sequence of every seed", () => {
    const request = (seed: number) =>
      new EventRequest("POST / HTTP/1.1", eventJson(new Date(0)), new Randomness(seed), 50);
    const [first, same, other] = [request(1), request(1), request(2)];
    for (const made of [first, same, other]) made.refresh();
    expect(first.messageId()).toBe(same.messageId());
    expect(first.messageId()).not.toBe(other.messageId());
  });
});
