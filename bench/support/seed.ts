/** Fills a server with profiles whose answer has a wanted size. */
import { userId } from "../load/payload.ts";
import { readAuthorization } from "./ours.ts";

const batchSize = 250;

/** Any server with these paths and keys. */
export interface Seeded {
  readonly port: number;
}

/** Makes one profile per user such that `GET /v1/profiles/…` answers about `answerBytes` bytes; returns the exact size of one. */
export async function seedProfiles(server: Seeded, users: number, answerBytes: number): Promise<number> {
  await identify(server, ["calibration"], 0);
  const bare = await answerSize(server, "calibration");
  const padding = answerBytes - bare - (userId(0).length - "calibration".length);
  for (let first = 0; first < users; first += batchSize) {
    const batch = Array.from({ length: Math.min(batchSize, users - first) }, (_, index) =>
      userId(first + index),
    );
    await identify(server, batch, padding);
  }
  return answerSize(server, userId(0));
}

async function identify(server: Seeded, userIds: readonly string[], padding: number): Promise<void> {
  const batch = userIds.map((id) => ({
    type: "identify",
    userId: id,
    messageId: `seed-${id}`,
    traits: {
      firstName: "Ann",
      plan: "pro",
      city: "Berlin",
      signedUpAt: "2026-01-15T08:00:00.000Z",
      orders: 12,
      about: "x".repeat(padding),
    },
  }));
  const response = await fetch(`http://127.0.0.1:${server.port}/v1/batch`, {
    method: "POST",
    headers: { Authorization: readAuthorization, "Content-Type": "application/json" },
    body: JSON.stringify({ batch }),
  });
  const answer = await response.text();
  if (response.status !== 200 || answer !== '{"success":true}')
    throw new Error(`seeding was answered ${response.status} ${answer.slice(0, 200)}`);
}

async function answerSize(server: Seeded, id: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${server.port}/v1/profiles/user_id:${id}`, {
    headers: { Authorization: readAuthorization },
  });
  if (response.status !== 200) throw new Error(`reading ${id} was answered ${response.status}`);
  return (await response.bytes()).length;
}
