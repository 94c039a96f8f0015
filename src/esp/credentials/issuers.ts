/**
 * Tokens that somebody else signs: an identity provider that freshet.yaml names, with its audience, its key set and the
 * algorithms that it uses. Nothing of a token decides how it is checked but which of these issuers it says it is from.
 */
import { decodeJwt, jwtVerify } from "jose";
import type { Clock } from "../../lib/clock.ts";
import type { KeyInfo } from "../../model/key.ts";
import { KeySet, type KeySetDeps } from "./keySet.ts";

/** Somebody whose tokens open content, and how much of it. */
export interface IssuerRule {
  readonly name: string;
  readonly issuer: string;
  readonly audience: string;
  readonly keySetUrl: string;
  /** True where its key set may lie in a private network. */
  readonly allowsPrivate: boolean;
  readonly algorithms: readonly string[];
  readonly namespace: "live" | "test";
  readonly blocks: readonly string[] | null;
  readonly traits: readonly string[] | null;
  readonly idTypes: readonly string[] | null;
}

export interface IssuersDeps {
  readonly fetchKeys: (rule: IssuerRule) => ReturnType<KeySetDeps["fetch"]>;
  readonly clock: Clock;
  readonly onProblem: (rule: IssuerRule, why: string) => void;
}

interface Known {
  readonly rule: IssuerRule;
  readonly keys: KeySet;
  readonly info: KeyInfo;
}

const clockToleranceSeconds = 30;
/** What a token may say it is; an identity or logout token of the same issuer is none that opens anything. */
const tokenTypes: ReadonlySet<string> = new Set(["jwt", "at+jwt", "application/at+jwt"]);

export class Issuers {
  readonly #known: ReadonlyMap<string, Known>;
  readonly #clock: Clock;

  constructor(rules: readonly IssuerRule[], deps: IssuersDeps) {
    this.#clock = deps.clock;
    this.#known = new Map(
      rules.map((rule) => [rule.issuer, { rule, keys: keySetOf(rule, deps), info: infoOf(rule) }]),
    );
  }

  /** What a token opens and until when; null for one that opens nothing. */
  async open(token: string): Promise<{ readonly key: KeyInfo; readonly endsAtMs: number } | null> {
    try {
      const known = this.#known.get(decodeJwt(token).iss ?? "");
      if (known === undefined) return null;
      const { rule, keys, info } = known;
      const { payload, protectedHeader } = await jwtVerify(
        token,
        (header, input) => {
          if (header.crit !== undefined || !isKnownType(header.typ)) throw new Error("not a token for us");
          return keys.find(header, input);
        },
        {
          algorithms: [...rule.algorithms],
          issuer: rule.issuer,
          audience: rule.audience,
          requiredClaims: ["exp"],
          clockTolerance: clockToleranceSeconds,
          currentDate: new Date(this.#clock.nowMs()),
        },
      );
      if (protectedHeader.b64 === false || payload.exp === undefined) return null;
      return { key: info, endsAtMs: payload.exp * 1_000 };
    } catch {
      return null;
    }
  }
}

function isKnownType(typ: unknown): boolean {
  return typ === undefined || (typeof typ === "string" && tokenTypes.has(typ.toLowerCase()));
}

function keySetOf(rule: IssuerRule, deps: IssuersDeps): KeySet {
  return new KeySet({
    fetch: () => deps.fetchKeys(rule),
    nowMs: () => deps.clock.monotonicMs(),
    onProblem: (why) => deps.onProblem(rule, why),
  });
}

function infoOf({ name, namespace, blocks, traits, idTypes }: IssuerRule): KeyInfo {
  return {
    id: `issuer:${name}`,
    kind: "secret",
    namespace,
    source: name,
    trust: "server",
    scopes: ["content"],
    readableTraits: traits,
    blocks,
    idTypes,
  };
}
