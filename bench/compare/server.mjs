/**
 * The service of the compared stack: Fastify, one process a core. Arguments: a JSON object with `processes`,
 * `connections` (of each process's pool), `postgresHost`, `redisPath`, `writeKey`, `secretKey`. Prints
 * `listening <port>` once every process listens.
 */
import cluster from "node:cluster";
import Fastify from "fastify";
import { Store } from "./store.mjs";

const settings = JSON.parse(process.argv[2] ?? "{}");
const accepted = '{"success":true}';

const eventSchema = {
  type: "object",
  required: ["userId"],
  properties: {
    type: { type: "string", enum: ["track", "identify", "page", "screen"] },
    userId: { type: "string", minLength: 1, maxLength: 512 },
    messageId: { type: "string", minLength: 1, maxLength: 512 },
    event: { type: "string", minLength: 1 },
    timestamp: { type: "string", format: "date-time" },
    properties: { type: "object" },
    traits: { type: "object" },
    context: { type: "object" },
  },
};
const batchSchema = {
  type: "object",
  required: ["batch"],
  properties: {
    batch: { type: "array", maxItems: 2_500, items: { ...eventSchema, required: ["userId", "type"] } },
  },
};

/** The key of a request: Basic user name or Bearer token. */
function keyOf(header = "") {
  const [scheme, text = ""] = header.split(" ");
  return scheme === "Basic" ? Buffer.from(text, "base64").toString().split(":")[0] : text;
}

function completed(event, type) {
  return {
    ...event,
    type,
    messageId: event.messageId ?? crypto.randomUUID(),
    timestamp: event.timestamp ?? new Date().toISOString(),
  };
}

function serve() {
  const store = new Store(settings);
  const sources = new Map([
    [settings.writeKey, "web"],
    [settings.secretKey, "shop"],
  ]);
  const app = Fastify({ logger: false, bodyLimit: 4 * 1_024 * 1_024 });
  app.decorateRequest("source", "");
  app.addHook("onRequest", async (request, reply) => {
    const source = sources.get(keyOf(request.headers.authorization));
    if (source === undefined) return reply.code(401).send({ error: "unauthorized" });
    request.source = source;
  });
  const send = (reply, text) => reply.type("application/json").send(text);
  app.post("/v1/track", { schema: { body: eventSchema } }, async (request, reply) => {
    await store.acceptOne(request.source, completed(request.body, "track"));
    return send(reply, accepted);
  });
  app.post("/v1/batch", { schema: { body: batchSchema } }, async (request, reply) => {
    await store.acceptMany(
      request.source,
      request.body.batch.map((event) => completed(event, event.type)),
    );
    return send(reply, accepted);
  });
  app.get("/v1/profiles/:id", async (request, reply) => {
    const text = await store.read(request.params.id.slice("user_id:".length));
    return text === null ? reply.code(404).send({ error: "not found" }) : send(reply, text);
  });
  return app.listen({ host: "127.0.0.1", port: settings.port ?? 0 });
}

if (cluster.isPrimary) {
  const ports = new Set();
  let listening = 0;
  cluster.on("listening", (_worker, address) => {
    ports.add(address.port);
    listening += 1;
    if (listening === settings.processes) console.log(`listening ${[...ports].join(" ")}`);
  });
  cluster.on("exit", () => process.exit(1));
  for (let worker = 0; worker < settings.processes; worker += 1) cluster.fork();
  process.once("SIGTERM", () => process.exit(0));
} else {
  process.once("disconnect", () => process.exit(0));
  await serve();
}
