/** The river: six stations with the times of each, and the water between them. Drops are slowed down; the times are not. */
import { byId, h } from "./dom.ts";
import { openWater } from "./water.ts";

interface Stage {
  readonly count: number;
  readonly sumMs: number;
}

/** What the server tells of itself. */
interface RiverNumbers {
  readonly head: number;
  readonly readers: number;
  readonly committed: Stage;
  readonly visible: Stage;
  readonly fed: Stage;
}

export interface River {
  /** An event of this page came through. */
  passed(event: {
    /** What was clicked here; null: nothing was. */
    readonly words: string | null;
    /** From the click, or from the instant at which something was due; null for what others did. */
    readonly toScreenMs: number | null;
  }): void;
}

const pollMs = 1_000;
/** Of the events of others, so many are drawn in a second at most. */
const maxDrops = 24;

const stations = [
  ["Shop", "events of this tab"],
  ["Ingest", "requests taken in"],
  ["Journal", "until on disk"],
  ["Profile", "until readable"],
  ["Feed", "until handed out"],
  ["E-mail", "from click to screen"],
] as const;

export function openRiver(): River {
  const values = stations.map(() => h("strong", {}, "–"));
  const captions = stations.map(([, caption]) => h("span", { class: "what" }, caption));
  byId("stations").replaceChildren(
    ...stations.map(([name], index) =>
      h("li", {}, h("span", { class: "name" }, name), values[index] ?? null, captions[index] ?? null),
    ),
  );
  const water = openWater(byId("water") as HTMLCanvasElement);
  const show = (index: number, text: string) => put(values[index], text);
  const explain = (index: number, text: string) => put(captions[index], text);
  let events = 0;
  let before: RiverNumbers | null = null;
  let own = 0;

  const poll = async () => {
    if (document.hidden) return;
    const answer = await fetch("/demo/river");
    if (!answer.ok) return;
    const now = (await answer.json()) as RiverNumbers;
    const perSecond = before === null ? 0 : now.head - before.head;
    byId("flow").textContent =
      `${perSecond.toLocaleString("en")} ${perSecond === 1 ? "event" : "events"} a second`;
    show(1, now.committed.count.toLocaleString("en"));
    for (const [index, stage] of [
      [2, "committed"],
      [3, "visible"],
      [4, "fed"],
    ] as const) {
      const meanMs = mean(before?.[stage] ?? null, now[stage]);
      if (meanMs !== null) show(index, milliseconds(meanMs));
    }
    explain(2, `until on disk; ${counted(now.head, "row")}`);
    explain(4, `until handed out; ${counted(now.readers, "reader")}`);
    water.flow(perSecond);
    water.drops(Math.min(maxDrops, Math.max(0, perSecond - own)), false);
    own = 0;
    before = now;
  };
  setInterval(() => {
    poll().catch(() => {});
  }, pollMs);
  poll().catch(() => {});
  return {
    passed: ({ words, toScreenMs }) => {
      own += 1;
      water.drops(1, true);
      if (toScreenMs === null) return;
      const took = milliseconds(toScreenMs);
      if (words === null) {
        byId("last").textContent = `Nobody clicked, but it was time: ${took} later the e-mail said so.`;
        return;
      }
      events += 1;
      show(0, String(events));
      show(5, took);
      byId("last").textContent =
        `${words}: ${took} from your click to the e-mail. Drops are slowed down, times are not.`;
    },
  };
}

/** Writes only what is new: nothing is drawn or said again for nothing. */
function put(element: HTMLElement | undefined, text: string): void {
  if (element !== undefined && element.textContent !== text) element.textContent = text;
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}

/** Mean of what came since the last look; null: nothing came. */
function mean(before: Stage | null, now: Stage): number | null {
  const count = now.count - (before?.count ?? 0);
  return count <= 0 ? null : (now.sumMs - (before?.sumMs ?? 0)) / count;
}

function milliseconds(duration: number): string {
  return duration < 10 ? `${duration.toFixed(1)} ms` : `${Math.round(duration).toLocaleString("en")} ms`;
}
