/** What a destination never took: why, request and answer without what is secret, and the way back. */
import { useState } from "preact/hooks";
import type { DestinationActAnswer, LettersAnswer } from "../../src/admin/api/deliveryWire.ts";
import { get, post } from "./api.ts";
import { deadReasons } from "./deliveryWords.ts";
import { act, At, Data, Failure, useAnswer } from "./pieces.tsx";
import { link } from "./route.ts";
import { countText } from "./words.ts";

export function DeadLetters({
  name,
  count,
  onDone,
}: {
  readonly name: string;
  readonly count: number;
  readonly onDone: () => void;
}) {
  const [cursor, setCursor] = useState<string | null>(null);
  const { answer, error } = useAnswer(
    (signal) => get<LettersAnswer>("destination/letters", { name, cursor }, { signal }),
    [name, cursor, count],
  );
  const [said, setSaid] = useState("");
  const [failed, setFailed] = useState<unknown>(null);
  const run = async (what: "replay" | "discard", ids: readonly number[] | null) => {
    setFailed(null);
    try {
      const given = await post<DestinationActAnswer>("destination/act", { act: what, name, ids });
      if (given.kind === "done")
        setSaid(`${countText(given.count ?? 0)} ${what === "replay" ? "sent again" : "discarded"}.`);
      else if (given.kind === "problem") setSaid(given.problem);
      onDone();
    } catch (caught) {
      setFailed(caught);
    }
  };
  return (
    <section aria-labelledby="letters">
      <h2 id="letters">Dead letters</h2>
      <p role="status">{said}</p>
      {failed === null ? null : <Failure error={failed} />}
      {error === null ? null : <Failure error={error} />}
      {answer === null ? null : answer.letters.length === 0 ? (
        <p>None: everything was taken, or is still tried.</p>
      ) : (
        <>
          <div class="act">
            <button type="button" class="quiet" onClick={act(() => run("replay", null))}>
              Send all again
            </button>
            <p>
              <small>but for those of which nobody knows whether they went out</small>
            </p>
          </div>
          <ul class="timeline" aria-label="Dead letters">
            {answer.letters.map((letter) => (
              <li key={letter.id}>
                <details>
                  <summary>
                    <At at={new Date(letter.atMs).toISOString()} /> {letter.operation} of{" "}
                    <Data>{letter.profile}</Data>: {deadReasons[letter.why]} (<Data>{letter.reason}</Data>)
                  </summary>
                  {letter.request === null ? null : (
                    <pre tabIndex={0} aria-label="Request">
                      <code>{letter.request}</code>
                    </pre>
                  )}
                  {letter.response === null ? null : (
                    <pre tabIndex={0} aria-label="Answer">
                      <code>{letter.response}</code>
                    </pre>
                  )}
                  <div class="act">
                    <button type="button" class="quiet" onClick={act(() => run("replay", [letter.id]))}>
                      Send again
                    </button>
                    <button type="button" class="danger" onClick={act(() => run("discard", [letter.id]))}>
                      Discard
                    </button>
                    <a href={link("profiles", `profile_id:${letter.profile}`)}>Its profile</a>
                  </div>
                </details>
              </li>
            ))}
          </ul>
          {answer.nextCursor === null ? null : (
            <button type="button" class="quiet" onClick={() => setCursor(answer.nextCursor)}>
              Older
            </button>
          )}
        </>
      )}
      {cursor === null ? null : (
        <button type="button" class="quiet" onClick={() => setCursor(null)}>
          Newest
        </button>
      )}
    </section>
  );
}
