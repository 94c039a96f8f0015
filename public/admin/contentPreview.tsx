/** The template beside the e-mail that comes of it, for somebody real, and anew whenever either changes. */
import { useEffect, useState } from "preact/hooks";
import type { ContentBlockAnswer, ContentPreviewAnswer } from "../../src/admin/api/contentWire.ts";
import { levelText, reasonText } from "../../src/esp/content/levelWords.ts";
import { post } from "./api.ts";
import { TextDifference } from "./textDifference.tsx";
import { SendTest } from "./contentTest.tsx";
import { Data, Failure, Table } from "./pieces.tsx";
import { link } from "./route.ts";
import { agoText, timeText } from "./words.ts";

type Shown = Extract<ContentPreviewAnswer, { kind: "shown" }>;

/** Who it is for, which text, and how it is looked at. */
interface Asked {
  readonly id: string;
  readonly at: string;
  readonly level: string;
  readonly version: string;
}

interface Look {
  readonly width: "desktop" | "phone";
  readonly isDark: boolean;
  readonly isMarked: boolean;
  readonly hasPictures: boolean;
}

const typingMs = 300;
const againMs = 2_000;
const widths = { desktop: "Desktop", phone: "Phone" } as const;

export function Preview({ block }: { readonly block: ContentBlockAnswer }) {
  const [draft, setDraft] = useState(block.source);
  const [asked, setAsked] = useState<Asked>({ id: "", at: "", level: "asIs", version: "" });
  const [other, setOther] = useState<Asked | null>(null);
  const [look, setLook] = useState<Look>({
    width: "desktop",
    isDark: false,
    isMarked: true,
    hasPictures: false,
  });
  const [html, setHtml] = useState("");
  const [otherHtml, setOtherHtml] = useState("");
  const text = draft === block.source ? null : draft;
  return (
    <section aria-labelledby="preview">
      <h2 id="preview">Preview</h2>
      <div class="preview">
        <div>
          <label>
            Template
            <textarea
              class="code"
              rows={18}
              spellcheck={false}
              value={draft}
              onInput={(event) => setDraft(event.currentTarget.value)}
            />
          </label>
          <p>
            {text === null
              ? "Change it here to try things out. The block itself is its file, so that changes can be reviewed."
              : "Not saved: copy it into the block's file to use it. "}
            {text === null ? null : (
              <button type="button" class="quiet" onClick={() => setDraft(block.source)}>
                Back to the file
              </button>
            )}
          </p>
        </div>
        <div>
          <Who block={block} asked={asked} onChange={setAsked} label="For whom" />
          <Looks look={look} onChange={setLook} />
          <Mail
            block={block.name}
            asked={asked}
            draft={text}
            look={look}
            title="The e-mail"
            onHtml={setHtml}
          />
          <SendTest block={block} id={asked.id.trim()} />
          {other === null ? (
            <button type="button" class="quiet" onClick={() => setOther({ ...asked })}>
              Compare with another person, version or level
            </button>
          ) : (
            <>
              <Who block={block} asked={other} onChange={setOther} label="Compared with" />
              <Mail
                block={block.name}
                asked={other}
                draft={other.version === "" ? text : null}
                look={look}
                title="The other e-mail"
                onHtml={setOtherHtml}
              />
              <h3>What is another</h3>
              <TextDifference label="The other e-mail against this one" before={html} after={otherHtml} />
              <button type="button" class="quiet" onClick={() => setOther(null)}>
                End the comparison
              </button>
            </>
          )}
        </div>
      </div>
    </section>
  );
}

function Who(props: {
  readonly block: ContentBlockAnswer;
  readonly asked: Asked;
  readonly onChange: (asked: Asked) => void;
  readonly label: string;
}) {
  const { block, asked, onChange, label } = props;
  return (
    <fieldset class="who-for">
      <legend>{label}</legend>
      <label>
        Identifier
        <input
          value={asked.id}
          spellcheck={false}
          autocomplete="off"
          placeholder="ann@example.com, user_id:42; empty: everybody"
          onInput={(event) => onChange({ ...asked, id: event.currentTarget.value })}
        />
      </label>
      <label>
        Level
        <select
          value={asked.level}
          onChange={(event) => onChange({ ...asked, level: event.currentTarget.value })}
        >
          <option value="asIs">as it is</option>
          <option value="nothingKnown">nothing known of them</option>
          {block.fallbackSegments.map((segment) => (
            <option key={segment} value={`segment:${segment}`}>
              nothing known, in {segment}
            </option>
          ))}
          <option value="unknown">nobody has the identifier</option>
        </select>
      </label>
      <label>
        Version
        <select
          value={asked.version}
          onChange={(event) => onChange({ ...asked, version: event.currentTarget.value })}
        >
          <option value="">as on the left</option>
          {block.versions.map(({ version, firstAt }) => (
            <option key={version} value={version}>
              {version}, first sent {timeText(firstAt)}
            </option>
          ))}
        </select>
      </label>
      <label>
        As of
        <input
          value={asked.at}
          spellcheck={false}
          autocomplete="off"
          placeholder="now, or 2026-11-24T09:00:00.000Z"
          onInput={(event) => onChange({ ...asked, at: event.currentTarget.value })}
        />
      </label>
    </fieldset>
  );
}

function Looks({ look, onChange }: { readonly look: Look; readonly onChange: (look: Look) => void }) {
  const toggle = (name: "isDark" | "isMarked" | "hasPictures", text: string) => (
    <label>
      <input
        type="checkbox"
        checked={look[name]}
        onChange={(event) => onChange({ ...look, [name]: event.currentTarget.checked })}
      />
      {text}
    </label>
  );
  return (
    <fieldset class="looks">
      <legend class="unseen">How it is shown</legend>
      {(["desktop", "phone"] as const).map((width) => (
        <label key={width}>
          <input
            type="radio"
            name="width"
            checked={look.width === width}
            onChange={() => onChange({ ...look, width })}
          />
          {widths[width]}
        </label>
      ))}
      {toggle("isDark", "Dark")}
      {toggle("isMarked", "Mark values")}
      {toggle("hasPictures", "Fetch pictures")}
    </fieldset>
  );
}

/** Asks anew a moment after the last key, and every two seconds, since the person changes too. */
function usePreview(block: string, asked: Asked, draft: string | null) {
  const [answer, setAnswer] = useState<ContentPreviewAnswer | null>(null);
  const [error, setError] = useState<unknown>(null);
  const body = JSON.stringify({
    block,
    id: asked.id.trim() === "" ? null : asked.id.trim(),
    at: asked.at.trim() === "" ? null : asked.at.trim(),
    level: levelOf(asked.level),
    version: asked.version === "" ? null : asked.version,
    draft: asked.version === "" ? draft : null,
  });
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout>;
    const ask = async () => {
      try {
        const next = document.hidden
          ? null
          : await post<ContentPreviewAnswer>("content/preview", JSON.parse(body));
        if (isOver) return;
        if (next !== null) setAnswer((before) => sameOrNew(before, next));
        setError(null);
      } catch (caught) {
        if (isOver) return;
        setError(caught);
      }
      timer = setTimeout(() => ask().catch(setError), againMs);
    };
    timer = setTimeout(() => ask().catch(setError), typingMs);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [body]);
  return { answer, error };
}

/** A frame is loaded anew only if another e-mail stands in it; ages in the table go on all the same. */
function sameOrNew(before: ContentPreviewAnswer | null, next: ContentPreviewAnswer): ContentPreviewAnswer {
  if (before?.kind !== "shown" || next.kind !== "shown") return next;
  if (before.preview.html !== next.preview.html || before.preview.version !== next.preview.version)
    return next;
  return { ...next, frame: before.frame, markedFrame: before.markedFrame };
}

function levelOf(level: string) {
  if (level === "asIs" || level === "unknown") return { kind: level };
  return {
    kind: "nothingKnown",
    segment: level.startsWith("segment:") ? level.slice("segment:".length) : null,
  };
}

function Mail(props: {
  readonly block: string;
  readonly asked: Asked;
  readonly draft: string | null;
  readonly look: Look;
  readonly title: string;
  readonly onHtml: (html: string) => void;
}) {
  const { block, asked, draft, look, title, onHtml } = props;
  const { answer, error } = usePreview(block, asked, draft);
  const html = answer?.kind === "shown" ? answer.preview.html : "";
  useEffect(() => onHtml(html), [html]);
  return (
    <>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? (
        error === null ? (
          <p aria-busy="true">Rendering…</p>
        ) : null
      ) : answer.kind === "problem" ? (
        <p role="alert" class="failure">
          <strong>It can't be used:</strong> {answer.problem}
        </p>
      ) : (
        <ShownMail shown={answer} look={look} title={title} id={asked.id.trim()} />
      )}
    </>
  );
}

function ShownMail(props: {
  readonly shown: Shown;
  readonly look: Look;
  readonly title: string;
  readonly id: string;
}) {
  const { shown, look, title, id } = props;
  const { preview, frame, markedFrame } = shown;
  const path = look.isMarked ? markedFrame : frame;
  return (
    <>
      <p role="status">
        Served from <strong>{levelText(preview.servedFrom)}</strong>
        {preview.reason === null ? "" : ` (${reasonText(preview.reason)})`}, version{" "}
        <code>{preview.version}</code>
      </p>
      <iframe
        class={`mail ${look.width} ${look.isDark ? "dark" : "light"}`}
        title={title}
        sandbox=""
        src={`/admin/api/${path}&pictures=${look.hasPictures}&scheme=${look.isDark ? "dark" : "light"}`}
      />
      <details>
        <summary>The text part</summary>
        <pre>
          <Data>{preview.text}</Data>
        </pre>
      </details>
      <Table label="Values" head={["Value", "Is", "Level", "Age", "From"]}>
        {preview.values.map(({ name, value, servedFrom, ageMs, maxAgeMs, source, eventMessageId }) => (
          <tr key={name}>
            <th scope="row">
              <Data>{name}</Data>
            </th>
            <td>
              <Data>{shortened(value)}</Data>
            </td>
            <td>{levelText(servedFrom ?? "missing")}</td>
            <td>
              {ageMs === null ? "–" : agoText(ageMs)}
              {maxAgeMs === null ? "" : ` (at most ${agoText(maxAgeMs).replace(/ ago$/, "")})`}
            </td>
            <td>
              {source === null ? "–" : <Data>{source}</Data>}
              {eventMessageId === null ? null : (
                <>
                  {" "}
                  <a href={link("profiles", id, "live", eventMessageId)}>
                    <small>
                      <Data>{eventMessageId}</Data>
                    </small>
                  </a>
                </>
              )}
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

const maxShown = 120;

function shortened(value: unknown): string {
  const text = typeof value === "string" ? value : value === null ? "–" : JSON.stringify(value);
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text;
}
