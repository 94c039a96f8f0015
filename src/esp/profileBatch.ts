/** Many profiles at once. The ids stand in JSON as they are, so nothing in them is percent-encoded. */
import { eventError, Refusal } from "../errors.ts";
import type { StoredProfile } from "../store/profiles.ts";
import { parseIdentifier } from "./query.ts";

const maxIds = 1_000;
/** Profiles rendered in one go, before others have their turn. */
const renderedAtOnce = 64;

/** The ids of `{"ids":["type:value", …]}`. Throws Refusal. */
export function idsOf(body: unknown): readonly string[] {
  const ids: unknown = typeof body === "object" && body !== null && "ids" in body ? body.ids : undefined;
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === "string")) {
    throw new Refusal("invalid_request", { detail: 'The body is {"ids":["type:value", …]}.' });
  }
  if (ids.length > maxIds) {
    throw new Refusal("batch_too_large", { detail: `Ask for at most ${maxIds} profiles at once.` });
  }
  return ids;
}

/**
 * The answer's JSON: for each id, in order, what `render` makes of it, or `{"id","error"}` for a miss. Long lists are
 * worked off in slices, so that other requests get their turn.
 */
export async function batchText(
  ids: readonly string[],
  types: ReadonlySet<string>,
  find: (type: string, value: string) => StoredProfile,
  render: (profile: StoredProfile) => unknown,
): Promise<string> {
  const texts: string[] = [];
  for (const id of ids) {
    texts.push(JSON.stringify(oneOf(id, types, find, render)));
    if (texts.length % renderedAtOnce === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return `{"profiles":[${texts.join(",")}]}`;
}

function oneOf(
  id: string,
  types: ReadonlySet<string>,
  find: (type: string, value: string) => StoredProfile,
  render: (profile: StoredProfile) => unknown,
): unknown {
  try {
    const { type, value } = parseIdentifier(id, false, types);
    return render(find(type, value));
  } catch (error) {
    // While profiles are rebuilt no id can be told from another: that refuses the whole.
    if (!(error instanceof Refusal) || error.code === "profiles_rebuilding") throw error;
    return { id, error: eventError(error.code, error.detail) };
  }
}
