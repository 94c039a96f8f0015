/** Who asks, and may they: the key of a read, from Bearer, Basic (user name) or X-Write-Key. */
import { Refusal } from "../errors.ts";
import type { KeyInfo, Scope } from "../model/key.ts";

/** The key in force with this text, or null. */
export type FindKey = (text: string) => KeyInfo | null;

/** The key of a request, if it has the scope. Throws Refusal unauthorized or forbidden. */
export function authorise(request: Request, findKey: FindKey, scope: Scope): KeyInfo {
  const text = presentedKey(request);
  const key = text === null ? null : findKey(text);
  if (key === null) throw new Refusal("unauthorized");
  if (!key.scopes.includes(scope)) throw new Refusal("forbidden");
  return key;
}

/** The first key that stands in the headers; null without one. A header of another scheme is no key and ends the search. */
export function presentedKey(request: Request): string | null {
  const header = request.headers.get("authorization");
  if (header === null) return request.headers.get("x-write-key");
  if (header.startsWith("Bearer ")) return header.slice(7).trim();
  if (!/^basic /i.test(header)) return /^bearer /i.test(header) ? header.slice(7).trim() : null;
  const pair = Buffer.from(header.slice(6), "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon < 0 ? pair : pair.slice(0, colon);
}

/** For what lasts longer than a request: asks again whether the key that began it is still in force. */
export function keyCheck(request: Request, findKey: FindKey): () => boolean {
  const text = presentedKey(request);
  return () => text !== null && findKey(text) !== null;
}

/** A key may look somebody up by identifiers of some types alone. Throws Refusal forbidden. */
export function checkIdType({ idTypes }: KeyInfo, type: string): void {
  if (idTypes !== null && !idTypes.includes(type))
    throw new Refusal("forbidden", {
      detail: "The key may not look anybody up by an identifier of that type.",
    });
}

/** What tells all of somebody is not for a key that may know him by some of his identifiers alone. */
export function checkUnlimited({ idTypes }: KeyInfo): void {
  if (idTypes !== null)
    throw new Refusal("forbidden", { detail: "The key is limited to some types of identifiers." });
}
