/** Content: the blocks that e-mails ask for; one with its preview, what a send of it would be, and what was sent. */
import type { ContentAnswer, ContentBlockAnswer } from "../../src/admin/api/contentWire.ts";
import { get } from "./api.ts";
import { Preflight } from "./contentPreflight.tsx";
import { EspSnippet } from "./contentSnippet.tsx";
import { Preview } from "./contentPreview.tsx";
import { Receipts } from "./contentReceipts.tsx";
import { Data, Failure, Table, useAnswer } from "./pieces.tsx";
import { link, route } from "./route.ts";

export function ContentSection() {
  const [name = ""] = route.value.rest;
  return name === "" ? <List /> : <One key={name} name={name} />;
}

function List() {
  const { answer, error } = useAnswer((signal) => get<ContentAnswer>("content", {}, { signal }), []);
  return (
    <>
      <h1>Content</h1>
      <p>Blocks that an e-mail asks for when it is sent, so that what it says is true at that second.</p>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? (
        error === null ? (
          <p aria-busy="true">Reading…</p>
        ) : null
      ) : answer.blocks.length === 0 ? (
        <p>
          There is none yet. Put <code>content: {"{ folder: ./content }"}</code> into freshet.yaml and a file{" "}
          <code>cart-reminder.liquid</code> into that folder.
        </p>
      ) : (
        <Table label="Blocks" head={["Block", "Version", "Needs", "State"]}>
          {answer.blocks.map(({ name, version, needs, problem }) => (
            <tr key={name}>
              <th scope="row">
                {version === null ? (
                  <Data>{name}</Data>
                ) : (
                  <a href={link("content", name)}>
                    <Data>{name}</Data>
                  </a>
                )}
              </th>
              <td>
                <code>{version ?? "–"}</code>
              </td>
              <td>
                <Data>{needs.length === 0 ? "nothing" : needs.join(", ")}</Data>
              </td>
              <td>
                {problem === null ? (
                  <span class="good">serving</span>
                ) : (
                  <span class="wrong">
                    {version === null ? "not serving" : "the version before goes on serving"}: {problem}
                  </span>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </>
  );
}

function One({ name }: { readonly name: string }) {
  const { answer, error } = useAnswer(
    (signal) => get<ContentBlockAnswer>("content/block", { name }, { signal }),
    [name],
  );
  return (
    <>
      <p class="back">
        <a href={link("content")}>All blocks</a>
      </p>
      <h1>
        <Data>{name}</Data>
      </h1>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? (
        error === null ? (
          <p aria-busy="true">Reading…</p>
        ) : null
      ) : (
        <>
          <Preview block={answer} />
          <EspSnippet block={name} />
          <Preflight block={name} />
          <Receipts block={name} />
        </>
      )}
    </>
  );
}
