/** The quarantine: what was refused, grouped by what is wrong with it; a piece as it came; sending again after a fix. */
import { useState } from "preact/hooks";
import type {
  GroupAnswer,
  GroupsAnswer,
  PieceAnswer,
  PiecesAnswer,
  ReplayAnswer,
  ReplayResult,
} from "../../src/admin/api/adminWire.ts";
import { get, post } from "./api.ts";
import { Mend } from "./mend.tsx";
import { act, Ago, At, Copy, Data, Failure, Table, useAnswer } from "./pieces.tsx";
import { link, route } from "./route.ts";
import { countText, sizeText } from "./words.ts";

export function QuarantineSection() {
  const [first, second] = route.value.rest;
  return (
    <>
      <h1>Quarantine</h1>
      {first === undefined ? (
        <Groups />
      ) : second === undefined ? (
        <Piece id={first} />
      ) : (
        <Group code={first} source={second} />
      )}
    </>
  );
}

function Groups() {
  const { answer, error, again } = useAnswer((signal) => get<GroupsAnswer>("quarantine", {}, { signal }), []);
  if (error !== null) return <Failure error={error} />;
  if (answer === null) return <p aria-busy="true">Reading…</p>;
  if (answer.groups.length === 0)
    return (
      <p>
        Nothing waits here. What a source sends and Freshet can't take is kept here as it came, with the
        reason, so that it can be sent again once the reason is gone.
      </p>
    );
  const nowMs = Date.now();
  return (
    <>
      <p>
        What could not be taken, as it came. Mend what is wrong at the source, then send it again from here.
      </p>
      <Table label="What waits, by reason" head={["Reason", "Source", "Waiting", "Newest", "What to do"]}>
        {answer.groups.map(({ code, source, message, hint, count, newestAt }) => (
          <tr key={`${code} ${source}`}>
            <th scope="row">
              <a href={link("quarantine", code, source)}>{code}</a>
              <br />
              <small>{message}</small>
            </th>
            <td>
              <Data>{source}</Data>
            </td>
            <td>{countText(count)}</td>
            <td>
              <Ago at={newestAt} nowMs={nowMs} />
            </td>
            <td>
              <small>{hint}</small>
            </td>
          </tr>
        ))}
      </Table>
      <button type="button" class="quiet" onClick={again}>
        Refresh
      </button>
    </>
  );
}

function Group({ code, source }: { readonly code: string; readonly source: string }) {
  const [cursor, setCursor] = useState<string | null>(null);
  const groups = useAnswer((signal) => get<GroupsAnswer>("quarantine", {}, { signal }), [code, source]);
  const pieces = useAnswer(
    (signal) => get<PiecesAnswer>("quarantine/pieces", { code, source, cursor }, { signal }),
    [code, source, cursor],
  );
  const group = groups.answer?.groups.find((known) => known.code === code && known.source === source);
  const again = () => {
    setCursor(null);
    groups.again();
    pieces.again();
  };
  return (
    <>
      <p>
        <a href={link("quarantine")}>All reasons</a>
      </p>
      <h2>
        {code} from <Data>{source}</Data>
      </h2>
      {group === undefined ? null : (
        <p>
          {group.message} {group.hint}
        </p>
      )}
      {pieces.error === null ? null : <Failure error={pieces.error} />}
      <ReplayGroup code={code} source={source} group={group} onDone={again} />
      <Mend code={code} source={source} count={group?.count ?? 0} onDone={again} />
      {pieces.answer === null ? null : pieces.answer.pieces.length === 0 ? (
        <p>Nothing of this kind waits any more.</p>
      ) : (
        <>
          <Table label="Pieces" head={["Piece", "Received", "Call", "messageId", "Size"]}>
            {pieces.answer.pieces.map((piece) => (
              <tr key={piece.quarantineId}>
                <th scope="row">
                  <a href={link("quarantine", piece.quarantineId)}>{piece.quarantineId}</a>
                </th>
                <td>
                  <At at={piece.receivedAt} />
                </td>
                <td>{piece.call}</td>
                <td>{piece.messageId === null ? "–" : <Data>{piece.messageId}</Data>}</td>
                <td>{sizeText(piece.bytes)}</td>
              </tr>
            ))}
          </Table>
          {pieces.answer.nextCursor === null ? null : (
            <button type="button" class="quiet" onClick={() => setCursor(pieces.answer?.nextCursor ?? null)}>
              Older pieces
            </button>
          )}
        </>
      )}
    </>
  );
}

interface Tally {
  readonly sent: number;
  readonly accepted: number;
  readonly last: ReplayResult | undefined;
}

function ReplayGroup(props: {
  readonly code: string;
  readonly source: string;
  readonly group: GroupAnswer | undefined;
  readonly onDone: () => void;
}) {
  const { code, source, group, onDone } = props;
  const [tally, setTally] = useState<Tally | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const replay = async () => {
    setBusy(true);
    setError(null);
    let sum: Tally = { sent: 0, accepted: 0, last: undefined };
    try {
      let cursor: string | null = null;
      do {
        const page: ReplayAnswer = await post<ReplayAnswer>("quarantine/replay", { code, source, cursor });
        sum = added(sum, page.results);
        setTally(sum);
        cursor = page.nextCursor;
      } while (cursor !== null);
      onDone();
    } catch (caught) {
      setError(caught);
    }
    setBusy(false);
  };
  return (
    <div class="act">
      {group === undefined && tally === null ? null : (
        <button
          type="button"
          aria-busy={isBusy}
          disabled={isBusy || group === undefined}
          onClick={act(replay)}
        >
          Send all {countText(group?.count ?? 0)} again
        </button>
      )}
      <p role="status">{tally === null ? "" : tallyText(tally, isBusy)}</p>
      {error === null ? null : <Failure error={error} />}
    </div>
  );
}

function added({ sent, accepted, last }: Tally, results: readonly ReplayResult[]): Tally {
  return {
    sent: sent + results.length,
    accepted: accepted + results.filter(({ outcome }) => outcome === "accepted").length,
    last: results.findLast(({ outcome }) => outcome !== "accepted") ?? last,
  };
}

function tallyText({ sent, accepted, last }: Tally, isBusy: boolean): string {
  const rest = sent - accepted;
  const why = last === undefined ? "" : ` ${outcomeText(last)}`;
  return `${isBusy ? "So far" : "Done:"} ${countText(accepted)} of ${countText(sent)} were taken.${rest === 0 ? "" : ` ${countText(rest)} stay here.${why}`}`;
}

function outcomeText({ outcome, message }: ReplayResult): string {
  switch (outcome) {
    case "accepted":
      return "It was taken, with its own messageId.";
    case "refused":
      return `It was refused again: ${message ?? "the reason is still there."}`;
    case "stored":
      return "The event is in the journal already; what failed was to apply it, which sending it again does not mend.";
    case "replayed":
      return "It was sent again before.";
    case "missing":
      return "It is not here any more.";
  }
}

function Piece({ id }: { readonly id: string }) {
  const { answer, error, again } = useAnswer(
    (signal) => get<PieceAnswer>("quarantine/piece", { id }, { signal }),
    [id],
  );
  const [result, setResult] = useState<ReplayResult | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  if (error !== null) return <Failure error={error} />;
  if (answer === null) return <p aria-busy="true">Reading…</p>;
  const replay = async () => {
    setFailed(null);
    try {
      const { results } = await post<ReplayAnswer>("quarantine/replay", { ids: [id] });
      setResult(results[0] ?? null);
      again();
    } catch (caught) {
      setFailed(caught);
    }
  };
  return (
    <article>
      <p>
        <a href={link("quarantine", answer.code, answer.source)}>
          {answer.code} from <Data>{answer.source}</Data>
        </a>
      </p>
      <h2>{answer.quarantineId}</h2>
      <p>
        <strong>{answer.message}</strong> {answer.hint}
      </p>
      <p>
        {answer.call}, {answer.namespace} data, received <At at={answer.receivedAt} />
        {answer.messageId === null ? null : (
          <>
            , messageId <Data>{answer.messageId}</Data>
          </>
        )}
        {answer.replayedAt === null ? null : (
          <>
            . Sent again and taken <At at={answer.replayedAt} />
          </>
        )}
      </p>
      <pre tabIndex={0} aria-label="The input as it came">
        <code>{answer.raw}</code>
      </pre>
      <div class="act">
        <button type="button" disabled={answer.replayedAt !== null} onClick={act(replay)}>
          Send again
        </button>
        <Copy text={answer.raw} what="input" />
        <p role="status">{result === null ? "" : outcomeText(result)}</p>
        {failed === null ? null : <Failure error={failed} />}
      </div>
    </article>
  );
}
