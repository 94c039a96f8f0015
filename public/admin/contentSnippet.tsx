/** What to paste into an ESP so that its e-mails show a block, and the rules by which it asks. */
import { useState } from "preact/hooks";
import type { EspLine, EspsAnswer, SnippetAnswer } from "../../src/admin/api/espWire.ts";
import { get } from "./api.ts";
import { Copy, Data, Failure, useAnswer } from "./pieces.tsx";

const reaches: Readonly<Record<EspLine["reach"], string>> = {
  perRecipient: "It asks for each recipient.",
  shared: "It asks once, for everybody.",
  workflow: "It can't ask from inside an e-mail; a step before it can.",
  push: "It can't ask: what its e-mails show is pushed to it.",
};

export function EspSnippet({ block }: { readonly block: string }) {
  const { answer } = useAnswer((signal) => get<EspsAnswer>("content/esps", {}, { signal }), []);
  const [esp, setEsp] = useState("");
  const esps = answer?.esps ?? [];
  return (
    <section aria-labelledby="esp">
      <h2 id="esp">Into your e-mail service</h2>
      <form class="search" onSubmit={(event) => event.preventDefault()}>
        <label>
          Service
          <select value={esp} onChange={(event) => setEsp(event.currentTarget.value)}>
            <option value="">Choose…</option>
            {esps.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </form>
      {esp === "" ? null : <Parts key={`${block} ${esp}`} block={block} esp={esp} />}
    </section>
  );
}

function Parts({ block, esp }: { readonly block: string; readonly esp: string }) {
  const { answer, error } = useAnswer(
    (signal) => get<SnippetAnswer>("content/snippet", { block, esp }, { signal }),
    [block, esp],
  );
  if (error !== null) return <Failure error={error} />;
  if (answer === null) return <p aria-busy="true">Reading…</p>;
  return (
    <>
      <p>
        {reaches[answer.reach]} {answer.how}
      </p>
      {answer.parts.map(({ title, where, code }) => (
        <section key={title} class="snippet" aria-label={title}>
          <h3>{title}</h3>
          <p>
            <small>{where.charAt(0).toUpperCase() + where.slice(1)}</small>
          </p>
          <pre tabIndex={0} aria-label={`${title}, to be pasted`}>
            <code>{code}</code>
          </pre>
          <Copy text={code} what={title} />
        </section>
      ))}
      <ul>
        {answer.notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
      <details>
        <summary>The {answer.rules.length} rules by which it asks, and where they are written</summary>
        <ul>
          {answer.rules.map(({ id, says, source }) => (
            <li key={id}>
              {says}{" "}
              <small>
                {source === null ? (
                  "Not confirmed by a page of the vendor."
                ) : source.url.startsWith("docs/") ? (
                  "Freshet's own."
                ) : (
                  <>
                    <Data>{source.url}</Data>, read {source.read}
                  </>
                )}
              </small>
            </li>
          ))}
        </ul>
        <p>
          Whether your URL keeps them: <code>freshet doctor {esp} --url …</code>
        </p>
      </details>
    </>
  );
}
