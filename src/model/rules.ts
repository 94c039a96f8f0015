/** Everything an operator configures that decides what a profile is. Plain data, so that the journal can remember it. */
import { canonicalJson } from "./canonicalJson.ts";
import { compile } from "./compile.ts";
import { noConsentRules, type ConsentRules } from "./consentRule.ts";
import type { Definition, Definitions } from "./definition.ts";
import { compileDeclared, type DeclaredTrait } from "./declared.ts";
import { compileIdentity, type IdentifierRule } from "./identity.ts";
import { compileSegments, type ListsByHash } from "./segmentCompile.ts";
import type { SegmentDefinition } from "./segmentRule.ts";

export interface Rules {
  readonly traits: readonly DeclaredTrait[];
  readonly computed: readonly Definition[];
  readonly identity: readonly IdentifierRule[];
  readonly segments: readonly SegmentDefinition[];
  readonly consent: ConsentRules;
  /** Top-level traits that ways out pass on: that time alone changed a computed one is told, as for segments. */
  readonly watched: readonly string[];
}

/** Nothing configured. */
export const noRules: Rules = {
  traits: [],
  computed: [],
  identity: [],
  segments: [],
  consent: noConsentRules,
  watched: [],
};

/**
 * The rules in the form in which fold and reads want them; `lists` are those that segments name. Throws on rules that
 * contradict each other.
 */
export function compileRules(rules: Rules, lists: ListsByHash = new Map()): Definitions {
  const { segments, hidden } = compileSegments(rules.segments, lists);
  const declared = compileDeclared(rules.traits);
  const identity = compileIdentity(rules.identity);
  const compiled = compile(rules.computed, undefined, hidden);
  const fingerprint = `${compiled.fingerprint}${identity.fingerprint}${categoriesName(rules.consent)}`;
  const computed = compiled.computed.map((trait) =>
    trait.kind === "emailable" ? { ...trait, rules: rules.consent } : trait,
  );
  const emailables = computed.filter((trait) => trait.kind === "emailable");
  return {
    ...compiled,
    computed,
    emailables,
    declared,
    segments,
    identity,
    consent: rules.consent,
    watched: new Set(rules.watched),
    fingerprint,
  };
}

/** The categories decide what events say about consent; without any, nothing. */
function categoriesName({ categories }: ConsentRules): string {
  return Object.keys(categories).length === 0 ? "" : canonicalJson(categories);
}
