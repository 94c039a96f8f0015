/** Who is here: an id for the browser, and for the person once it is known. */
import type { Shelf } from "./shelf.ts";

export interface Identity {
  anonymousId: string;
  userId: string | null;
}

/** `domain` null: no cookie; "": a cookie of this host; else of that domain and all below. */
export interface CookieRule {
  readonly name: string;
  readonly domain: string | null;
}

const yearSeconds = 31_536_000;

/** A random id that sorts by the time of its making. */
export function makeId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `${Date.now().toString(36)}-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Finds who was here before, or makes an id; it is stored from here on. */
export function findIdentity(shelf: Shelf, cookie: CookieRule): Identity {
  const identity = {
    anonymousId: readCookie(cookie) || shelf.get("anonymousId") || makeId(),
    userId: shelf.get("userId"),
  };
  storeIdentity(shelf, cookie, identity);
  return identity;
}

export function storeIdentity(shelf: Shelf, cookie: CookieRule, { anonymousId, userId }: Identity): void {
  shelf.set("anonymousId", anonymousId);
  if (userId === null) shelf.remove("userId");
  else shelf.set("userId", userId);
  writeCookie(cookie, anonymousId, yearSeconds);
}

export function removeCookie(cookie: CookieRule): void {
  writeCookie(cookie, "", 0);
}

function readCookie({ name, domain }: CookieRule): string {
  if (domain === null) return "";
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return decodeURIComponent(found?.slice(name.length + 1) ?? "");
}

function writeCookie({ name, domain }: CookieRule, value: string, maxAgeSeconds: number): void {
  if (domain === null) return;
  const scope = (domain && `;domain=${domain}`) + (location.protocol === "https:" ? ";secure" : "");
  document.cookie = `${name}=${encodeURIComponent(value)};path=/;max-age=${maxAgeSeconds};samesite=lax${scope}`;
}
