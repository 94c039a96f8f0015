/**
 * The keys that access tokens are signed with (ES256), and their rotation.
 *
 * They live in a file of their own in the data folder, readable by its owner alone, and not in the journal: a backup of
 * the journal travels to places where nobody should be able to sign in our name, and to lose these keys costs nothing
 * but the tokens of the last quarter of an hour.
 *
 * A key is made a day before it signs, so that who caches our key set knows it by then; it signs for 30 days; it
 * verifies for an hour more, longer than any token that it signed lives. A rotation by hand begins at once, and may drop
 * the keys before, with all their tokens.
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { z } from "zod";
import type { Clock } from "../../lib/clock.ts";
import { readSecretFile, writeSecretFile } from "../../store/secretFile.ts";

/** A key that signs now. */
export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}

export interface SigningKeysDeps {
  readonly path: string;
  readonly clock: Clock;
}

export const signingAlgorithm = "ES256";
const dayMs = 86_400_000;
const signsForMs = 30 * dayMs;
const publishedBeforeMs = dayMs;
const verifiesAfterMs = 3_600_000;

const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const fileSchema = z.strictObject({
  version: z.literal(1),
  keys: z
    .array(
      z.strictObject({
        kid: z.string().min(1).max(64),
        signsFromMs: z.int(),
        jwk: z.strictObject({
          kty: z.literal("EC"),
          crv: z.literal("P-256"),
          x: coordinate,
          y: coordinate,
          d: coordinate,
        }),
      }),
    )
    .max(16),
});
type Kept = z.output<typeof fileSchema>["keys"][number];

export class SigningKeys {
  readonly #deps: SigningKeysDeps;
  readonly #imported = new Map<string, Promise<CryptoKey>>();
  /** Goes up whenever keys were dropped with all that they signed. */
  generation = 0;
  /** By the time from which they sign, oldest first; null before the file was read. */
  #kept: readonly Kept[] | null = null;
  /** Acts on the file, one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: SigningKeysDeps) {
    this.#deps = deps;
  }

  /** The key that signs now; the first use makes it. */
  async current(): Promise<SigningKey> {
    const kept = await this.#upToDate();
    const signing = kept[signingAt(kept, this.#deps.clock.nowMs())];
    if (signing === undefined) throw new Error("there is no key to sign with");
    return { kid: signing.kid, privateKey: await this.#import(`${signing.kid} private`, signing.jwk) };
  }

  /** The key of a token that we may have signed; null if none verifies it any more. */
  async verifier(kid: string): Promise<CryptoKey | null> {
    const found = (await this.#upToDate()).find((key) => key.kid === kid);
    return found === undefined ? null : this.#import(`${kid} public`, publicPart(found));
  }

  /** What others verify with, the next key too. */
  async published(): Promise<readonly JWK[]> {
    const kept = await this.#upToDate();
    return kept.map((key) => ({
      ...publicPart(key),
      kid: key.kid,
      use: "sig",
      alg: signingAlgorithm,
    }));
  }

  /** A new key signs from now on. `dropsOthers`: nothing that was signed before holds any more. */
  rotate(dropsOthers: boolean): Promise<string> {
    return this.#inTurn(async () => {
      const nowMs = this.#deps.clock.nowMs();
      const before = dropsOthers ? [] : this.#read().filter((key) => key.signsFromMs <= nowMs);
      const made = await makeKey(nowMs);
      if (dropsOthers) this.generation += 1;
      this.#write(verifying([...before, made], nowMs));
      return made.kid;
    });
  }

  #upToDate(): Promise<readonly Kept[]> {
    const kept = this.#kept;
    const nowMs = this.#deps.clock.nowMs();
    if (kept !== null && !needsWork(kept, nowMs)) return Promise.resolve(kept);
    return this.#inTurn(async () => {
      let keys = verifying(this.#read(), nowMs);
      if (signingAt(keys, nowMs) < 0) keys = [...keys, await makeKey(nowMs)];
      const newest = keys.at(-1);
      if (newest !== undefined && newest.signsFromMs + signsForMs - publishedBeforeMs <= nowMs)
        keys = [...keys, await makeKey(Math.max(nowMs, newest.signsFromMs + signsForMs))];
      this.#write(verifying(keys, nowMs));
      return this.#read();
    });
  }

  #read(): readonly Kept[] {
    if (this.#kept !== null) return this.#kept;
    const text = readSecretFile(this.#deps.path);
    this.#kept = text === null ? [] : fileSchema.parse(JSON.parse(text)).keys;
    return this.#kept;
  }

  #write(keys: readonly Kept[]): void {
    if (JSON.stringify(keys) === JSON.stringify(this.#kept)) return;
    writeSecretFile(this.#deps.path, `${JSON.stringify({ version: 1, keys })}\n`);
    this.#kept = keys;
    this.#imported.clear();
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  #import(name: string, jwk: JWK): Promise<CryptoKey> {
    const known = this.#imported.get(name) ?? importKey(jwk);
    this.#imported.set(name, known);
    return known;
  }
}

/** Index of the key that signs; -1: none does yet. */
function signingAt(keys: readonly Kept[], nowMs: number): number {
  return keys.findLastIndex((key) => key.signsFromMs <= nowMs);
}

/** Without the keys that no living token was signed with. */
function verifying(keys: readonly Kept[], nowMs: number): readonly Kept[] {
  return keys.filter((_key, index) => {
    const next = keys[index + 1];
    return next === undefined || next.signsFromMs + verifiesAfterMs > nowMs;
  });
}

function needsWork(keys: readonly Kept[], nowMs: number): boolean {
  const newest = keys.at(-1);
  return (
    newest === undefined ||
    newest.signsFromMs + signsForMs - publishedBeforeMs <= nowMs ||
    signingAt(keys, nowMs) < 0 ||
    verifying(keys, nowMs).length !== keys.length
  );
}

async function makeKey(signsFromMs: number): Promise<Kept> {
  const { privateKey } = await generateKeyPair(signingAlgorithm, { extractable: true });
  const jwk = fileSchema.shape.keys.element.shape.jwk.parse(pick(await exportJWK(privateKey)));
  return { kid: await calculateJwkThumbprint(jwk), signsFromMs, jwk };
}

function pick({ kty, crv, x, y, d }: JWK) {
  return { kty, crv, x, y, d };
}

function publicPart({ jwk: { kty, crv, x, y } }: Kept): JWK {
  return { kty, crv, x, y };
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, signingAlgorithm);
  if (key instanceof Uint8Array) throw new Error("a signing key is no EC key");
  return key;
}
