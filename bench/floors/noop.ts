/** Floor: an Elysia server that does nothing: POST reads the body and answers, GET answers a string of 2 KB. */
import { Elysia } from "elysia";

const accepted = JSON.stringify({ success: true });
const headers = { "content-type": "application/json" };
const answer = JSON.stringify({ text: "x".repeat(2_048 - 11) });

const app = new Elysia()
  .post(
    "/v1/track",
    async ({ request }) => {
      await request.arrayBuffer();
      return new Response(accepted, { headers });
    },
    { parse: "none" },
  )
  .get("/2kb", () => answer)
  .listen({ port: 0, hostname: "127.0.0.1" });

console.log(`listening ${app.server?.port}`);
