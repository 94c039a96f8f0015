/** The writer's steps again in memory, for a few profiles: what they were after some rows (profileAt.ts). */
import type { Definitions } from "../model/definition.ts";
import type { Event, Namespace } from "../model/event.ts";
import { identifierKey, identifierOf } from "../model/identifier.ts";
import { normaliseValue } from "../model/identity.ts";
import type { Restore } from "./accept.ts";
import { HotProfiles } from "./hot.ts";
import type { HotProfile } from "./hotProfile.ts";
import type { JournalReader } from "./journalReader.ts";
import { passTimeOf } from "./passTime.ts";
import type { ProfileIds } from "./profileId.ts";
import type { StoredProfile } from "./profiles.ts";
import { Projector } from "./projector.ts";
import { Refold, type RefoldContext } from "./refold.ts";
import { refusedOf, type EventRow } from "./row.ts";

export interface PastDeps {
  readonly journal: Pick<JournalReader, "sourceName">;
  readonly restore: Restore;
  readonly definitions: Definitions;
}

/** Nothing is stored: all there is has just been folded. */
const nothingStored = {
  readProfile: () => undefined,
  readPiece: () => undefined,
  readId: () => undefined,
  readMeta: () => null,
};

export class ReplayedPast {
  readonly #deps: PastDeps;
  readonly #hot = new HotProfiles(nothingStored, Number.MAX_SAFE_INTEGER);
  readonly #projector: Projector;
  /** The rows as they stood then: with the owner and the chain of that time. */
  readonly #rows = new Map<number, EventRow>();

  constructor(deps: PastDeps) {
    this.#deps = deps;
    this.#projector = new Projector(this.#hot, deps.definitions);
  }

  /** Folds one event as the writer did when it came, and settles what a late link leaves open. Rows come in order. */
  take(row: EventRow, event: Event): void {
    const projector = this.#projector;
    const context = this.#contextAt(row);
    const passing = { ...context, onBroken: refuse };
    for (const profile of projector.namedBy(event)) passTimeOf(profile, passing);
    const { pid, prev, identifiers, diff } = projector.project(
      event,
      row.seq,
      row.committed_at_ms,
      undefined,
      refusedOf(row),
    );
    this.#rows.set(row.seq, { ...row, pid, prev, identifiers, diff });
    for (const [key, users] of projector.pendingRefolds) {
      new Refold(key, users).finish(context);
      projector.pendingRefolds.delete(key);
    }
  }

  /** The profile that an identifier led to. */
  find(namespace: Namespace, type: string, value: string, ids: ProfileIds): StoredProfile | undefined {
    const found = this.#hotOf(namespace, type, value, ids);
    if (found === undefined || found.namespace !== namespace) return undefined;
    return {
      pid: found.pid,
      profileId: ids.encode(found.pid),
      namespace,
      version: found.version,
      identifiers: found.identifiers.map(identifierOf),
      state: found.state,
      membership: found.membership,
      definitions: this.#deps.definitions,
    };
  }

  #hotOf(namespace: Namespace, type: string, value: string, ids: ProfileIds): HotProfile | undefined {
    if (type === "user_id" || type === "anonymous_id")
      return this.#projector.profileOf(identifierKey(namespace, type, value));
    if (type === "profile_id") {
      const pid = ids.decode(value);
      return pid === null ? undefined : this.#hot.profile(pid);
    }
    if (type === "email_sha256") {
      const entry = this.#hot.id(identifierKey(namespace, type, value.toLowerCase()));
      return typeof entry === "object" && "same" in entry
        ? this.#projector.claimHolder(entry.same)
        : undefined;
    }
    const claimed = this.#deps.definitions.identity.claimed.find((candidate) => candidate.type === type);
    const plain = claimed === undefined ? null : normaliseValue(claimed, value);
    return plain === null ? undefined : this.#projector.claimHolder(identifierKey(namespace, type, plain));
  }

  /** What the writer's steps need, the journal being the rows taken so far: what they would append is not kept. */
  #contextAt({ seq, committed_at_ms: committedAtMs }: EventRow): RefoldContext {
    const { journal, restore, definitions } = this.#deps;
    const rows = this.#rows;
    return {
      journal: {
        row: (at) => rows.get(at) ?? null,
        sourceName: (id) => journal.sourceName(id),
        append: () => {},
        setProjection: (at, pid, prev, identifiers, diff, extra, flags) => {
          const row = rows.get(at);
          if (row !== undefined) rows.set(at, { ...row, pid, prev, identifiers, diff, extra, flags });
        },
      },
      projector: this.#projector,
      hot: this.#hot,
      restore,
      definitions,
      memberships: this.#projector.memberships,
      // Acts get no place of their own: the profile's last change is the event that caused them.
      nextSeq: () => seq,
      committedAtMs,
    };
  }
}

function refuse(error: unknown): never {
  throw error;
}
