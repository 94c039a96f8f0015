/** What was sent: the newest receipts of a block, and one of them made again. */
import { useState } from "preact/hooks";
import type { ReceiptAnswer, ReceiptsAnswer } from "../../src/admin/api/contentWire.ts";
import { levelText, reasonText } from "../../src/esp/content/levelWords.ts";
import { get } from "./api.ts";
import { act, At, Data, Failure, Table, useAnswer } from "./pieces.tsx";
import { link } from "./route.ts";
import { agoText } from "./words.ts";

export function Receipts({ block }: { readonly block: string }) {
  const [id, setId] = useState("");
  const [asked, setAsked] = useState("");
  const { answer, error, again } = useAnswer(
    (signal) => get<ReceiptsAnswer>("receipts", { block, id: asked }, { signal }),
    [block, asked],
  );
  const submit = (event: Event) => {
    event.preventDefault();
    setAsked(id.trim());
    again();
  };
  return (
    <section aria-labelledby="sent">
      <h2 id="sent">What was sent</h2>
      <form class="search" onSubmit={submit}>
        <label>
          To
          <input
            value={id}
            spellcheck={false}
            autocomplete="off"
            placeholder="ann@example.com, user_id:42; empty: everybody"
            onInput={(event) => setId(event.currentTarget.value)}
          />
        </label>
        <button type="submit">Show</button>
      </form>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? null : answer.receipts.length === 0 ? (
        <p>Nothing yet.</p>
      ) : (
        <Lines receipts={answer.receipts} />
      )}
    </section>
  );
}

function Lines({ receipts }: { readonly receipts: ReceiptsAnswer["receipts"] }) {
  const [shown, setShown] = useState<ReceiptAnswer | null>(null);
  const [error, setError] = useState<unknown>(null);
  const show = async (name: string) => {
    setError(null);
    try {
      setShown(await get<ReceiptAnswer>("receipt", { name }));
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <>
      <Table label="Receipts" head={["When", "To", "Version", "From", "Receipt"]}>
        {receipts.map(({ receipt, at, profileId, version, servedFrom, reason }) => (
          <tr key={receipt}>
            <th scope="row">
              <At at={at} />
            </th>
            <td>
              {profileId === null ? (
                "nobody known"
              ) : (
                <a href={link("profiles", `profile_id:${profileId}`)}>
                  <Data>{profileId}</Data>
                </a>
              )}
            </td>
            <td>
              <code>{version}</code>
            </td>
            <td>
              {levelText(servedFrom)}
              {reason === null ? "" : ` (${reasonText(reason)})`}
            </td>
            <td>
              <button type="button" class="quiet" onClick={act(() => show(receipt))}>
                Show {receipt}
              </button>
            </td>
          </tr>
        ))}
      </Table>
      {error === null ? null : <Failure error={error} />}
      {shown === null ? null : <Again shown={shown} />}
    </>
  );
}

function Again({ shown }: { readonly shown: ReceiptAnswer }) {
  const { receipt, why, same, frame } = shown;
  return (
    <section aria-labelledby="again">
      <h3 id="again">{receipt.receipt}</h3>
      <p role="status">
        {why === null
          ? same
            ? "Made again from history, the same to the letter as was sent."
            : "Made again from history, but not the same as was sent: definitions have changed since."
          : `It can't be made again. ${why}`}
      </p>
      {frame === null ? null : (
        <iframe
          class="mail desktop light"
          title="What was sent"
          sandbox=""
          src={`/admin/api/${frame}&pictures=false&scheme=light`}
        />
      )}
      <Table label="What went in" head={["Value", "Level", "Age then"]}>
        {Object.entries(receipt.traits).map(([name, { servedFrom, ageMs }]) => (
          <tr key={name}>
            <th scope="row">
              <Data>{name}</Data>
            </th>
            <td>{levelText(servedFrom ?? "missing")}</td>
            <td>{ageMs === null ? "–" : agoText(ageMs)}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
