/** A block with a cart of four items, and people with such carts, for what measures content. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cartItems, cartTemplate } from "../floors/contentTemplate.ts";
import { userId } from "../load/payload.ts";
import type { Bench } from "./bench.ts";
import { readAuthorization, type Ours } from "./ours.ts";

const batchSize = 250;
/** Of the block, up to the userId. */
export const contentPath = "/v1/content/cart?id=user_id:";

const block = `---
needs: [firstName, cart]
fallback: <p>Hello.</p>
text: "Hi {{ firstName }}"
---
${cartTemplate}`;

/** Flags of a server that has the block. */
export function contentFlags(bench: Bench): readonly string[] {
  const folder = bench.processes.folder();
  mkdirSync(join(folder, "content"), { recursive: true });
  writeFileSync(join(folder, "content", "cart.liquid"), block);
  writeFileSync(
    join(folder, "freshet.yaml"),
    "version: 1\nuse: [{ ecommerce: { currency: EUR } }]\ncontent: { folder: ./content, linkHosts: [shop.example] }\n",
  );
  return ["--config", join(folder, "freshet.yaml")];
}

/** A first name and a cart of four for each, of its own: nobody is spared the template by somebody else. */
export async function seedCarts({ port }: Ours, profiles: number): Promise<void> {
  const perUser = 1 + cartItems.length;
  const usersABatch = Math.floor(batchSize / perUser);
  for (let first = 0; first < profiles; first += usersABatch) {
    const ids = Array.from({ length: Math.min(usersABatch, profiles - first) }, (_, at) =>
      userId(first + at),
    );
    const batch = ids.flatMap((id) => [
      { type: "identify", userId: id, traits: { firstName: `Ann ${id.slice(-6)}` } },
      ...cartItems.map((properties) => ({
        type: "track",
        userId: id,
        event: "Product Added",
        properties: { ...properties, currency: "EUR" },
      })),
    ]);
    const answer = await fetch(`http://127.0.0.1:${port}/v1/batch`, {
      method: "POST",
      headers: { Authorization: readAuthorization, "Content-Type": "application/json" },
      body: JSON.stringify({ batch }),
    });
    const text = await answer.text();
    if (answer.status !== 200 || text !== '{"success":true}')
      throw new Error(`seeding was answered ${answer.status} ${text.slice(0, 200)}`);
  }
}
