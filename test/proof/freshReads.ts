/** Reads that begin after an answer, on the very connection that it came on, while others load the server. */
import { expect } from "bun:test";
import { OneConnection } from "../support/oneConnection.ts";
import type { Random } from "../support/random.ts";
import { testKeys, type TestServer } from "../support/server.ts";

const readers = 8;
const people = 50;
const startMs = Date.UTC(2026, 10, 24);
const secret = { Authorization: `Bearer ${testKeys.secretKey}` };

/** What was seen: rounds of a POST and a GET, and the events that the load brought meanwhile. */
export interface FreshCounts {
  readonly rounds: number;
  readonly loadEvents: number;
}

/**
 * Posts and reads `rounds` times over a few connections: every read must show what was answered before, by any of the
 * person's identifiers and with an ETag that has changed. `onRound` hears of every round.
 */
export async function readWhatWasAnswered(
  server: TestServer,
  random: Random,
  rounds: number,
  onRound: () => void = () => {},
): Promise<FreshCounts> {
  const load = new Load(server, random);
  try {
    let next = 0;
    const read = async (reader: number) => {
      using connection = await OneConnection.open(server.port);
      const etags = new Map<string, string>();
      for (let round = next++; round < rounds; round = next++) {
        await oneRound(connection, `p-${reader}-${random.below(people)}`, round, random, etags);
        onRound();
      }
    };
    await Promise.all(Array.from({ length: readers }, (_, reader) => read(reader)));
    return { rounds, loadEvents: load.events };
  } finally {
    await load.end();
  }
}

async function oneRound(
  connection: OneConnection,
  person: string,
  round: number,
  random: Random,
  etags: Map<string, string>,
): Promise<void> {
  const email = `${person}@x.example`;
  const timestamp = new Date(startMs + round).toISOString();
  const body = { userId: person, anonymousId: `a-${person}`, timestamp, traits: { round, email } };
  const posted = await connection.request("POST", "/v1/identify", secret, JSON.stringify(body));
  expect([posted.status, posted.body]).toEqual([200, '{"success":true}']);
  const id = random.pick([
    `user_id:${person}`,
    `anonymous_id:a-${person}`,
    `email:${encodeURIComponent(email)}`,
  ]);
  const etag = etags.get(id);
  const headers = etag === undefined ? secret : { ...secret, "If-None-Match": etag };
  const read = await connection.request("GET", `/v1/profiles/${id}`, headers);
  expect([id, read.status]).toEqual([id, 200]);
  expect((JSON.parse(read.body) as { traits: { round: number } }).traits.round).toBe(round);
  etags.set(id, read.headers.get("etag") ?? "");
}

/** Single events, batches, late links and reads by others, without pause. */
class Load {
  #over = false;
  readonly #lanes: Promise<void>[];
  events = 0;

  constructor(server: TestServer, random: Random) {
    this.#lanes = Array.from({ length: 6 }, (_, lane) => this.#run(server, random, lane));
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#lanes);
  }

  async #run(server: TestServer, random: Random, lane: number): Promise<void> {
    using connection = await OneConnection.open(server.port);
    while (!this.#over) {
      const size = lane === 0 ? 100 : 1;
      const batch = Array.from({ length: size }, () => event(random));
      const body = JSON.stringify({ batch });
      const answer = await connection.request("POST", "/v1/batch", secret, body);
      if (answer.status === 200) this.events += size;
      await connection.request("GET", `/v1/profiles/user_id:l-${random.below(500)}`, secret);
    }
  }
}

function event(random: Random): object {
  const timestamp = new Date(startMs + random.below(3_600_000)).toISOString();
  const userId = random.chance(0.7) ? { userId: `l-${random.below(500)}` } : {};
  return { type: "track", ...userId, anonymousId: `d-${random.below(2_000)}`, event: "Seen", timestamp };
}
