/** Small pieces that all sections are made of. */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Identifier } from "../../src/admin/api/profileWire.ts";
import { wordsOf } from "./errorWords.ts";
import { link } from "./route.ts";
import { agoText, timeText } from "./words.ts";

/** A handler out of work that tells its failures itself; what it did not foresee goes to the console. */
export function act<Given extends unknown[]>(
  work: (...given: Given) => Promise<unknown>,
): (...given: Given) => void {
  return (...given) => {
    work(...given).catch(reportError);
  };
}

/** Text that came from outside: kept apart from ours in its direction, and broken where it must be. */
export function Data({ children }: { readonly children: ComponentChildren }) {
  return <bdi class="data">{children}</bdi>;
}

/** What went wrong, and what to do; in words of its own where `words` gives them. */
export function Failure({
  error,
  words = wordsOf,
}: {
  readonly error: unknown;
  readonly words?: typeof wordsOf;
}) {
  const { sentence, hint } = words(error);
  return (
    <p role="alert" class="failure">
      <strong>{sentence}</strong> {hint}
    </p>
  );
}

/** How long ago something was; the whole time stands in the tooltip. */
export function Ago({ at, nowMs }: { readonly at: string | null; readonly nowMs: number }) {
  if (at === null) return <span>never</span>;
  return (
    <time dateTime={at} title={timeText(at)}>
      {agoText(nowMs - Date.parse(at))}
    </time>
  );
}

/** A time of day with its date. */
export function At({ at }: { readonly at: string }) {
  return (
    <time dateTime={at} title={at}>
      {timeText(at)}
    </time>
  );
}

/** A table; where the page is narrow each row of a wide one is a card, its cells named by the head (style.css). */
export function Table({
  label,
  head,
  children,
}: {
  readonly label: string;
  readonly head: readonly string[];
  readonly children: ComponentChildren;
}) {
  const table = useRef<HTMLTableElement>(null);
  useLayoutEffect(() => {
    if (table.current !== null) nameCells(table.current, head);
  });
  return (
    <div class="scroll" role="group" aria-label={label} tabIndex={0}>
      <table ref={table} role="table" class={head.length > 3 ? "wide" : undefined}>
        <thead role="rowgroup">
          <tr role="row">
            {head.map((name) => (
              <th scope="col" role="columnheader" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">{children}</tbody>
      </table>
    </div>
  );
}

/** Rows come from anywhere. A table that is laid out as cards is one to a screen reader by its roles alone. */
function nameCells(table: HTMLTableElement, head: readonly string[]): void {
  for (const row of table.tBodies[0]?.rows ?? []) {
    row.setAttribute("role", "row");
    for (const cell of row.cells) {
      cell.setAttribute("role", cell.tagName === "TH" ? "rowheader" : "cell");
      cell.dataset["label"] = head[cell.cellIndex] ?? "";
    }
  }
}

/** Identifiers as links to their profile. */
export function Identifiers({
  profileId,
  list,
  namespace,
}: {
  readonly profileId: string;
  readonly list: readonly Identifier[];
  readonly namespace: "live" | "test";
}) {
  const [first] = list;
  return (
    <a href={link("profiles", `profile_id:${profileId}`, namespace)}>
      <Data>{first === undefined ? profileId : `${first.type}:${first.value}`}</Data>
      {list.length > 1 ? <small> +{list.length - 1}</small> : null}
    </a>
  );
}

/** Puts a text on the clipboard, and says so. */
export function Copy({ text, what }: { readonly text: string; readonly what: string }) {
  const [said, setSaid] = useState("");
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => setSaid("Copied."),
      () => setSaid("Select the text and copy it by hand."),
    );
  };
  return (
    <span class="copy">
      <button type="button" class="quiet" onClick={copy}>
        Copy {what}
      </button>
      <span role="status">{said}</span>
    </span>
  );
}

/** A value that is read again whenever `inputs` change; what came too late is dropped. */
export function useAnswer<Answer>(
  read: (signal: AbortSignal) => Promise<Answer>,
  inputs: readonly unknown[],
): { readonly answer: Answer | null; readonly error: unknown; readonly again: () => void } {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    read(abort.signal).then(
      (value) => {
        if (abort.signal.aborted) return;
        setAnswer(value);
        setError(null);
      },
      (caught: unknown) => {
        if (abort.signal.aborted) return;
        setAnswer(null);
        setError(caught);
      },
    );
    return () => abort.abort();
  }, [...inputs, round]);
  return { answer, error, again: () => setRound((before) => before + 1) };
}
