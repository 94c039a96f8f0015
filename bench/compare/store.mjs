/**
 * PostgreSQL is the truth, Redis the cache of profiles that reads are answered from. An event is answered once its
 * transaction is committed and its profile's new state is in Redis.
 */
import { Redis } from "ioredis";
import pg from "pg";

/** One round trip for a single event: insert it unless it is a repeat, then its profile. */
const acceptOne = `
WITH fresh AS (
  INSERT INTO events (source, message_id, user_id, type, name, happened_at, body)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (source, message_id) DO NOTHING
  RETURNING user_id, happened_at
)
INSERT INTO profiles AS held (user_id, first_seen_at, last_seen_at, traits)
SELECT user_id, happened_at, happened_at, $8::jsonb FROM fresh
ON CONFLICT (user_id) DO UPDATE SET
  version = held.version + 1,
  first_seen_at = LEAST(held.first_seen_at, excluded.first_seen_at),
  last_seen_at = GREATEST(held.last_seen_at, excluded.last_seen_at),
  traits = CASE WHEN excluded.traits = '{}' THEN held.traits ELSE held.traits || excluded.traits END
RETURNING user_id, version, first_seen_at, last_seen_at, traits`;

/** A batch's events in one statement; says which were new. */
const acceptMany = `
INSERT INTO events (source, message_id, user_id, type, name, happened_at, body)
SELECT $1, message_id, user_id, type, name, happened_at, body
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::jsonb[])
  AS given (message_id, user_id, type, name, happened_at, body)
ON CONFLICT (source, message_id) DO NOTHING
RETURNING message_id`;

/** The profiles of a batch, sorted by user so that two batches never wait for each other in a ring. */
const upsertMany = `
INSERT INTO profiles AS held (user_id, version, first_seen_at, last_seen_at, traits)
SELECT user_id, events, first_at, last_at, traits
FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::jsonb[])
  AS given (user_id, events, first_at, last_at, traits)
ORDER BY user_id
ON CONFLICT (user_id) DO UPDATE SET
  version = held.version + excluded.version,
  first_seen_at = LEAST(held.first_seen_at, excluded.first_seen_at),
  last_seen_at = GREATEST(held.last_seen_at, excluded.last_seen_at),
  traits = CASE WHEN excluded.traits = '{}' THEN held.traits ELSE held.traits || excluded.traits END
RETURNING user_id, version, first_seen_at, last_seen_at, traits`;

const readOne = `
SELECT user_id, version, first_seen_at, last_seen_at, traits FROM profiles WHERE user_id = $1`;

const keyOf = (userId) => `profile:${userId}`;

function textOf(row) {
  return JSON.stringify({
    userId: row.user_id,
    version: Number(row.version),
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    traits: row.traits,
  });
}

function traitsOf(event) {
  return event.type === "identify" ? (event.traits ?? {}) : {};
}

function foldUsers(events) {
  const users = new Map();
  for (const event of events) {
    const { userId, timestamp } = event;
    const held = users.get(userId);
    if (held === undefined) {
      users.set(userId, {
        userId,
        events: 1,
        firstAt: timestamp,
        lastAt: timestamp,
        traits: traitsOf(event),
      });
      continue;
    }
    held.events += 1;
    if (timestamp < held.firstAt) held.firstAt = timestamp;
    if (timestamp > held.lastAt) held.lastAt = timestamp;
    if (event.type === "identify") held.traits = { ...held.traits, ...traitsOf(event) };
  }
  return [...users.values()];
}

export class Store {
  #pool;
  #redis;

  /** `connections`: of the pool of this process. */
  constructor({ postgresHost, redisPath, connections }) {
    this.#pool = new pg.Pool({
      host: postgresHost,
      user: "postgres",
      database: "postgres",
      max: connections,
    });
    this.#redis = new Redis({ path: redisPath, enableAutoPipelining: true });
  }

  async acceptOne(source, event) {
    const { rows } = await this.#pool.query({
      name: "acceptOne",
      text: acceptOne,
      values: [
        source,
        event.messageId,
        event.userId,
        event.type,
        event.event ?? null,
        event.timestamp,
        JSON.stringify(event),
        JSON.stringify(traitsOf(event)),
      ],
    });
    const [row] = rows;
    if (row !== undefined) await this.#redis.set(keyOf(row.user_id), textOf(row));
  }

  async acceptMany(source, events) {
    const client = await this.#pool.connect();
    let rows;
    try {
      await client.query("BEGIN");
      rows = await this.#insert(client, source, events);
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK");
      throw error;
    } finally {
      client.release();
    }
    if (rows.length > 0) await this.#redis.mset(rows.flatMap((row) => [keyOf(row.user_id), textOf(row)]));
  }

  async #insert(client, source, events) {
    const column = (pick) => events.map(pick);
    const { rows } = await client.query({
      name: "acceptMany",
      text: acceptMany,
      values: [
        source,
        column((event) => event.messageId),
        column((event) => event.userId),
        column((event) => event.type),
        column((event) => event.event ?? null),
        column((event) => event.timestamp),
        column((event) => JSON.stringify(event)),
      ],
    });
    const fresh = new Set(rows.map((row) => row.message_id));
    const users = foldUsers(events.filter((event) => fresh.delete(event.messageId)));
    if (users.length === 0) return [];
    const upserted = await client.query({
      name: "upsertMany",
      text: upsertMany,
      values: [
        users.map((user) => user.userId),
        users.map((user) => user.events),
        users.map((user) => user.firstAt),
        users.map((user) => user.lastAt),
        users.map((user) => JSON.stringify(user.traits)),
      ],
    });
    return upserted.rows;
  }

  /** The profile as JSON text; null: there is none. */
  async read(userId) {
    const cached = await this.#redis.get(keyOf(userId));
    if (cached !== null) return cached;
    const { rows } = await this.#pool.query({ name: "readOne", text: readOne, values: [userId] });
    const [row] = rows;
    if (row === undefined) return null;
    const text = textOf(row);
    await this.#redis.set(keyOf(userId), text);
    return text;
  }
}
