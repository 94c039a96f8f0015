/**
 * Numbers that are no profiles of their own but lead to one, where profiles are taken apart or joined again. A rebuild
 * leads a number by the event that made it, if that event, as events count now, is the first to name its person; what
 * else has been told of is led by the `undo` row that says so, and what nobody was told of leads nowhere.
 */
import type { Event } from "../model/event.ts";
import type { HotProfiles } from "./hot.ts";
import type { HotProfile } from "./hotProfile.ts";
import type { Journal } from "./journal.ts";
import type { People } from "./people.ts";
import type { Restore } from "./accept.ts";
import { isFoldable, mergedOf, storedEvent, type EventRow } from "./row.ts";
import { ledTo } from "./splitText.ts";

interface NumbersContext {
  readonly hot: HotProfiles;
  readonly journal: Journal;
  readonly restore: Restore;
}

interface Numbered {
  /** The event that made it. */
  readonly event: Event;
  /** Where it led. */
  readonly before: HotProfile;
  /** Readers may have heard of it. */
  readonly isTold: boolean;
  /** An `undo` row leads it, and a rebuild repeats that. */
  readonly isLed: boolean;
}

export class SplitNumbers {
  readonly #context: NumbersContext;
  readonly #people: People;
  readonly #found = new Map<number, Numbered>();

  /** `gathered`: the rows of all involved, with their events as they count from now on. Before anything is moved. */
  constructor(
    involved: ReadonlySet<HotProfile>,
    gathered: readonly { readonly row: EventRow; readonly event: Event }[],
    people: People,
    context: NumbersContext,
  ) {
    this.#context = context;
    this.#people = people;
    const { hot, journal } = context;
    const events = new Map(gathered.map(({ row, event }) => [row.seq, event] as const));
    const told = new Set([
      ...[...involved].map(({ pid }) => pid),
      ...gathered.flatMap(({ row }) => mergedOf(row)),
    ]);
    const led = new Set<number>();
    for (const pid of told)
      // What an earlier switch led here stands in its own row alone. The set grows while it is gone through.
      for (const number of ledTo(journal, pid)) {
        told.add(number);
        led.add(number);
      }
    // A rebuild makes a number of every first event of somebody, also where no reader has ever heard of it.
    for (const pid of new Set([...told, ...events.keys()])) {
      const before = hot.profile(pid);
      const event =
        before === undefined || !involved.has(before) ? null : (events.get(pid) ?? this.#read(pid));
      if (before !== undefined && event !== null)
        this.#found.set(pid, { event, before, isTold: told.has(pid), isLed: led.has(pid) });
    }
  }

  /** Those that readers may have heard of. */
  get told(): readonly number[] {
    return [...this.#found].filter(([, { isTold }]) => isTold).map(([pid]) => pid);
  }

  /** Leads each where a rebuild would have it lead. `after`: the profiles that there are from now on. */
  lead(after: ReadonlyMap<number, HotProfile>): void {
    const { hot } = this.#context;
    for (const [pid, { event, isTold }] of this.#found) {
      if (after.has(pid)) continue;
      const heir = isTold || this.#people.isFirst(pid, event) ? this.#people.heirOf(event) : null;
      const into = heir === null ? undefined : (after.get(heir) ?? hot.profile(heir));
      if (into === undefined) hot.remove(pid);
      else hot.redirect(pid, into);
    }
  }

  /** Those that a row has to tell of, since they lead to the profile now and did not, or only the row can say it. */
  ledTo(profile: HotProfile): readonly number[] {
    const { hot } = this.#context;
    return [...this.#found]
      .filter(
        ([pid, { isTold, isLed, before, event }]) =>
          isTold &&
          pid !== profile.pid &&
          hot.profile(pid) === profile &&
          (before !== profile || !(isLed || this.#people.isFirst(pid, event))),
      )
      .map(([pid]) => pid);
  }

  #read(pid: number): Event | null {
    const { journal, restore } = this.#context;
    const row = journal.row(pid);
    if (row === null || !isFoldable(row)) return null;
    return restore(storedEvent(row, journal.sourceName(row.source)));
  }
}
