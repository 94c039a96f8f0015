/** Reads every profile of the live namespace once, in slices, and counts what it has of each trait; so for each segment. */
import { emptyScan, noteTrait, type ScanCell, type TraitValue } from "../../model/audit/traitCells.ts";
import { keptName } from "../../model/audit/cells.ts";
import type { AuditRules } from "../../model/audit/rules.ts";
import { valueAt } from "../../model/computed.ts";
import { membershipAt } from "../../model/membership.ts";
import { readTrait } from "../../model/trait.ts";
import { identifierKey } from "../../model/identifier.ts";
import type { StoredProfile } from "../profiles.ts";

/** Segments that are looked at one by one. */
const maxSegments = 100;

export class TraitScan {
  readonly #rules: AuditRules;
  readonly #nowMs: number;
  readonly all = emptyScan();
  readonly segments = new Map<string, ScanCell>();

  constructor(rules: AuditRules, nowMs: number, segments: readonly string[]) {
    this.#rules = rules;
    this.#nowMs = nowMs;
    for (const name of segments.slice(0, maxSegments)) this.segments.set(name, emptyScan());
  }

  take(profile: StoredProfile): void {
    const scans = this.#segmentsOf(profile).flatMap((name) => this.segments.get(name) ?? []);
    this.all.profiles += 1;
    for (const scan of scans) scan.profiles += 1;
    for (const value of this.#valuesOf(profile)) {
      noteTrait(this.all, value, false);
      for (const scan of scans) noteTrait(scan, value, true);
    }
  }

  #segmentsOf({ membership, state, namespace, identifiers, definitions }: StoredProfile): readonly string[] {
    if (membership === null) return [];
    const { turnsAtMs } = membership;
    if (turnsAtMs === null || turnsAtMs > this.#nowMs) return [...membership.since.keys()];
    const keys = identifiers.map(({ type, value }) => identifierKey(namespace, type, value));
    return [...membershipAt(membership, { state, identifiers: keys }, definitions, this.#nowMs).since.keys()];
  }

  *#valuesOf({ state, definitions }: StoredProfile): Iterable<TraitValue> {
    for (const given of Object.keys(state.traits)) {
      if (definitions.names.has(given)) continue;
      const reading = readTrait(state, given);
      if (reading === undefined || reading.value === null) continue;
      const ageMs = Math.max(0, this.#nowMs - reading.updatedAtMs);
      yield {
        name: keptName(given),
        value: reading.value,
        ageMs,
        maxAgeMs: this.#maxAgeOf(given, definitions),
      };
    }
    for (const trait of definitions.computed) {
      const { value, updatedAtMs } = valueAt(state, trait, this.#nowMs);
      if (value === null) continue;
      const ageMs = updatedAtMs === null ? null : Math.max(0, this.#nowMs - updatedAtMs);
      yield { name: trait.name, value, ageMs, maxAgeMs: this.#maxAgeOf(trait.name, definitions) };
    }
  }

  #maxAgeOf(name: string, { declared }: StoredProfile["definitions"]): number | null {
    const expected = this.#rules.traits.find(({ trait }) => trait === name)?.maxAgeMs;
    return expected ?? declared.get(name)?.maxAgeMs ?? null;
  }
}
