/** ESPs on the page: which there are, and what to paste into one for a block. */
import { Refusal } from "../../errors.ts";
import { vendors } from "../../esp/vendors/vendors.ts";
import type { AdminDeps } from "./adminContext.ts";
import { notUnderstood } from "./adminContext.ts";
import type { EspsAnswer, SnippetAnswer } from "./espWire.ts";
import { quietOutlet } from "./keyActs.ts";

export function espList(): EspsAnswer {
  return { esps: vendors.map(({ id, name, reach, how }) => ({ id, name, reach, how })), nextCursor: null };
}

/** Throws Refusal block_not_found or invalid_request. */
export async function espSnippet(query: URLSearchParams, { call }: AdminDeps): Promise<SnippetAnswer> {
  const esp = query.get("esp") ?? "";
  const url = query.get("url");
  const vendor = vendors.find(({ id }) => id === esp);
  if (vendor === undefined)
    throw notUnderstood(`esp takes one of ${vendors.map(({ id }) => id).join(", ")}.`);
  if (url !== null && !isWebAddress(url))
    throw notUnderstood("url takes an address such as https://events.shop.example.");
  const block = query.get("block") ?? "";
  const params = { esp, block, url: url === null ? null : new URL(url).origin };
  const found = await call("content.snippet", params, quietOutlet());
  if (found === null) throw new Refusal("block_not_found");
  const rules = vendor.rules.map(({ id, says, source }) => ({ id, says, source }));
  return { ...found, rules };
}

function isWebAddress(text: string): boolean {
  return text.length <= 2_000 && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
