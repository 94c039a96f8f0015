/**
 * Sessions of the admin page, in memory: a restart ends them. The browser holds a random id in a cookie that no script
 * can read and no other site can send; here only its hash is kept. A session ends after a while without an act of its
 * user, at the latest after half a day, and with the key that began it.
 */
import { timingSafeEqual } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import type { Ids } from "../../lib/id.ts";
import type { KeyInfo } from "../../model/key.ts";

export interface Session {
  readonly keyId: string;
  /** The source that the key belongs to: what people know it by. */
  readonly source: string;
  /** What a page of ours can say and a page of somebody else's can't. */
  readonly csrfToken: string;
  readonly expiresAtMs: number;
}

export interface SessionsDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  /** Tells this server's cookie from that of another one on another port of the same host. */
  readonly serverName: string;
  /** Whether the key may still administer. */
  readonly isKeyGood: (keyId: string) => boolean;
}

export const idleMs = 30 * 60_000;
export const lifeMs = 12 * 3_600_000;
/** The oldest goes when there are more. */
const maxSessions = 1_000;
const idBytes = 32;

interface Held {
  readonly session: Session;
  usedAtMs: number;
}

export class Sessions {
  readonly #held = new Map<string, Held>();
  readonly #deps: SessionsDeps;
  readonly cookieName: string;

  constructor(deps: SessionsDeps) {
    this.#deps = deps;
    this.cookieName = `freshet_admin_${deps.serverName}`;
  }

  /** Begins a session; `id` goes into the cookie. */
  begin(key: Pick<KeyInfo, "id" | "source">): { readonly id: string; readonly session: Session } {
    const { clock, ids } = this.#deps;
    const id = Buffer.from(ids.randomBytes(idBytes)).toString("base64url");
    const csrfToken = Buffer.from(ids.randomBytes(idBytes)).toString("base64url");
    const nowMs = clock.nowMs();
    const session: Session = {
      keyId: key.id,
      source: key.source,
      csrfToken,
      expiresAtMs: nowMs + lifeMs,
    };
    this.#held.set(hashOf(id), { session, usedAtMs: nowMs });
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= maxSessions) break;
      this.#held.delete(oldest);
    }
    return { id, session };
  }

  /** The session with that id; null if there is none any more. `isAct`: its user did something, so it lives on. */
  find(id: string, isAct: boolean): Session | null {
    const hash = hashOf(id);
    const held = this.#held.get(hash);
    if (held === undefined) return null;
    const { clock, isKeyGood } = this.#deps;
    const nowMs = clock.nowMs();
    const isOver = nowMs >= held.session.expiresAtMs || nowMs - held.usedAtMs >= idleMs;
    if (isOver || !isKeyGood(held.session.keyId)) {
      this.#held.delete(hash);
      return null;
    }
    if (isAct) held.usedAtMs = nowMs;
    return held.session;
  }

  end(id: string): void {
    this.#held.delete(hashOf(id));
  }
}

/** Compares two secrets without telling by the time it takes where they differ. */
export function isSameText(left: string, right: string): boolean {
  return timingSafeEqual(digestOf(left), digestOf(right));
}

function digestOf(text: string): Uint8Array {
  return new Bun.CryptoHasher("sha256").update(text).digest();
}

function hashOf(id: string): string {
  return new Bun.CryptoHasher("sha256").update(id).digest("base64");
}
