/** The computed traits whose passing has to be told since destinations pass them on. */
import type { Definition } from "../model/definition.ts";
import type { DestinationSetting } from "../model/delivery/destinationSetting.ts";
import type { DestinationKind } from "./destinations.ts";

/**
 * Names of computed traits that change when only time passes and that some destination is given: by a path or a text
 * in which the name stands, or, without a map, under their own names.
 */
export function watchedTraits(
  destinations: readonly Pick<DestinationSetting, "type" | "map">[],
  kinds: readonly Pick<DestinationKind, "type" | "can">[],
  computed: readonly Definition[],
): readonly string[] {
  const given = destinations.filter(({ type }) =>
    kinds.some((kind) => kind.type === type && kind.can.includes("upsert")),
  );
  const isGiven = (name: string) =>
    given.some(({ map }) => map === null || map.some(({ from }) => names(from.text, name)));
  return computed
    .filter(passes)
    .map(({ name }) => name)
    .filter(isGiven)
    .sort();
}

/** An age passes without end; nobody is told of that (membership.ts). */
function passes(definition: Definition): boolean {
  if (definition.aggregate === "streak") return true;
  return definition.aggregate !== "timeSince" && "windowMs" in definition;
}

/** Names of computed traits are words, so that one stands in a path or a text as a word. */
function names(text: string, name: string): boolean {
  return new RegExp(`(?<![A-Za-z0-9_])${name}(?![A-Za-z0-9_])`).test(text);
}
