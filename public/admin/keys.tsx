/** Keys and the sources that they belong to: listed, made, revoked. */
import { useState } from "preact/hooks";
import type { KeyLine, KeysAnswer, MadeKeyAnswer } from "../../src/admin/api/adminWire.ts";
import { get, post, session } from "./api.ts";
import { act, At, Copy, Data, Failure, Table, useAnswer } from "./pieces.tsx";

const scopes = ["write", "read", "content", "feed", "admin"] as const;

export function KeysSection() {
  const { answer, error, again } = useAnswer((signal) => get<KeysAnswer>("keys", {}, { signal }), []);
  const [made, setMade] = useState<MadeKeyAnswer | null>(null);
  return (
    <>
      <h1>Keys and sources</h1>
      <p>
        A write key can only send events, so it may stand in a web page. A secret key can read as well: keep
        it on your servers. Each key belongs to a source, the name that its events are stored under. Keys from
        freshet.yaml, the environment or the demo are good until the server stops; all others are stored, and
        good until you revoke them here.
      </p>
      {made === null ? null : <Shown made={made} onClose={() => setMade(null)} />}
      {error === null ? null : <Failure error={error} />}
      {answer === null ? <p aria-busy="true">Reading…</p> : <Keys keys={answer.keys} onChange={again} />}
      <NewKey
        onMade={(key) => {
          setMade(key);
          again();
        }}
      />
    </>
  );
}

function Shown({ made, onClose }: { readonly made: MadeKeyAnswer; readonly onClose: () => void }) {
  const isWrite = made.info.kind === "write";
  const send = `curl -X POST ${location.origin}/v1/track -H 'X-Write-Key: ${made.key}' -d '{"userId":"42","event":"First event"}'`;
  return (
    <div role="alert" class="shown">
      <h2>The key is made</h2>
      <p>Copy it now: it is not shown again.</p>
      <pre tabIndex={0} aria-label="The new key">
        <code id="new-key">{made.key}</code>
      </pre>
      <Copy text={made.key} what="key" />
      {isWrite ? (
        <>
          <p>Send a first event with it, and see it in the river:</p>
          <pre tabIndex={0} aria-label="Send a first event">
            <code>{send}</code>
          </pre>
          <Copy text={send} what="command" />
        </>
      ) : null}
      <p>
        <button type="button" class="quiet" onClick={onClose}>
          I have it
        </button>
      </p>
    </div>
  );
}

function Keys({ keys, onChange }: { readonly keys: readonly KeyLine[]; readonly onChange: () => void }) {
  const [error, setError] = useState<unknown>(null);
  const [said, setSaid] = useState("");
  const revoke = async (id: string) => {
    setError(null);
    try {
      const { revoked } = await post<{ revoked: boolean }>("keys/revoke", { id });
      setSaid(revoked ? `${id} is revoked.` : `${id} was not in force.`);
      onChange();
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <>
      {error === null ? null : <Failure error={error} />}
      <p role="status">{said}</p>
      <Table label="Keys" head={["Key", "Source", "Kind", "May", "Made", "State"]}>
        {keys.map((key) => (
          <tr key={`${key.id} ${key.configured}`} class={key.revokedAt === null ? undefined : "gone"}>
            <th scope="row">{key.id}</th>
            <td>
              <Data>{key.source}</Data>
              <br />
              <small>{key.trust}</small>
            </td>
            <td>
              {key.kind}
              {key.namespace === "test" ? ", test" : ""}
            </td>
            <td>
              {key.scopes.join(", ")}
              {key.readableTraits === null ? null : (
                <small>
                  <br />
                  only <Data>{key.readableTraits.join(", ")}</Data>
                </small>
              )}
              {key.blocks === null ? null : (
                <small>
                  <br />
                  blocks <Data>{key.blocks.join(", ")}</Data>
                </small>
              )}
              {key.idTypes === null ? null : (
                <small>
                  <br />
                  by <Data>{key.idTypes.join(", ")}</Data>
                </small>
              )}
            </td>
            <td>{key.configured ? "given at the start" : <At at={key.createdAt} />}</td>
            <td>
              <State keyLine={key} onRevoke={() => revoke(key.id)} />
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

function State({ keyLine, onRevoke }: { readonly keyLine: KeyLine; readonly onRevoke: () => Promise<void> }) {
  const [isAsking, setAsking] = useState(false);
  if (keyLine.revokedAt !== null)
    return (
      <>
        revoked <At at={keyLine.revokedAt} />
      </>
    );
  if (session.value?.signedIn === true && session.value.keyId === keyLine.id)
    return <>you are signed in with it</>;
  if (keyLine.configured) return <>in force for this run</>;
  if (!isAsking)
    return (
      <button type="button" class="quiet" onClick={() => setAsking(true)} aria-label={`Revoke ${keyLine.id}`}>
        Revoke
      </button>
    );
  return (
    <span class="copy">
      <button
        type="button"
        class="danger"
        onClick={act(onRevoke)}
        aria-label={`Revoke ${keyLine.id} for good`}
      >
        Revoke for good
      </button>
      <button type="button" class="quiet" onClick={() => setAsking(false)}>
        Keep
      </button>
    </span>
  );
}

interface Draft {
  readonly kind: "write" | "secret";
  readonly namespace: "live" | "test";
  readonly source: string;
  readonly trust: "browser" | "server";
  readonly scopes: readonly string[];
  readonly traits: string;
  readonly blocks: string;
  readonly idTypes: string;
}

const blank: Draft = {
  kind: "write",
  namespace: "live",
  source: "",
  trust: "browser",
  scopes: ["read"],
  traits: "",
  blocks: "",
  idTypes: "",
};

function NewKey({ onMade }: { readonly onMade: (made: MadeKeyAnswer) => void }) {
  const [draft, setDraft] = useState(blank);
  const [error, setError] = useState<unknown>(null);
  const set = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const submit = async (event: Event) => {
    event.preventDefault();
    setError(null);
    try {
      onMade(await post<MadeKeyAnswer>("keys", specOf(draft)));
      setDraft(blank);
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <section aria-labelledby="new">
      <h2 id="new">Make a key</h2>
      <form onSubmit={act(submit)}>
        <div class="fields">
          <label>
            Source
            <input
              name="source"
              required
              pattern="[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}"
              title="Letters, digits, dots, dashes and underscores"
              placeholder="web"
              value={draft.source}
              onInput={(event) => set({ source: event.currentTarget.value })}
            />
          </label>
          <Choice
            name="Kind"
            all={["write", "secret"]}
            value={draft.kind}
            onPick={(kind) => set({ kind, trust: kind === "write" ? draft.trust : "server" })}
          />
          <Choice
            name="Used in"
            all={["browser", "server"]}
            value={draft.trust}
            onPick={(trust) => set({ trust })}
          />
          <Choice
            name="Data"
            all={["live", "test"]}
            value={draft.namespace}
            onPick={(namespace) => set({ namespace })}
          />
        </div>
        {draft.kind === "write" ? null : (
          <>
            <fieldset>
              <legend>May</legend>
              {scopes.map((scope) => (
                <label key={scope} class="inline">
                  <input
                    type="checkbox"
                    checked={draft.scopes.includes(scope)}
                    onChange={(event) =>
                      set({
                        scopes: scopes.filter((known) =>
                          known === scope ? event.currentTarget.checked : draft.scopes.includes(known),
                        ),
                      })
                    }
                  />
                  {scope}
                </label>
              ))}
            </fieldset>
            <label>
              Traits that it may read, comma-separated; empty: all
              <input value={draft.traits} onInput={(event) => set({ traits: event.currentTarget.value })} />
            </label>
            <label>
              Identifiers that it may look people up by, such as email_sha256; empty: all
              <input value={draft.idTypes} onInput={(event) => set({ idTypes: event.currentTarget.value })} />
            </label>
            <label>
              Content blocks that it opens, comma-separated; empty: all
              <input value={draft.blocks} onInput={(event) => set({ blocks: event.currentTarget.value })} />
            </label>
          </>
        )}
        <button type="submit">Make key</button>
        {error === null ? null : <Failure error={error} />}
      </form>
    </section>
  );
}

function specOf({ traits, blocks, idTypes, ...draft }: Draft) {
  const isSecret = draft.kind === "secret";
  return {
    ...draft,
    scopes: isSecret ? draft.scopes : ["write"],
    readableTraits: isSecret ? namesIn(traits) : null,
    blocks: isSecret ? namesIn(blocks) : null,
    idTypes: isSecret ? namesIn(idTypes) : null,
  };
}

/** Null where nothing stands, which is all of them. */
function namesIn(list: string): string[] | null {
  const names = list
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.length === 0 ? null : names;
}

function Choice<Value extends string>(props: {
  readonly name: string;
  readonly all: readonly Value[];
  readonly value: Value;
  readonly onPick: (value: Value) => void;
}) {
  const { name, all, value, onPick } = props;
  return (
    <label>
      {name}
      <select
        value={value}
        onChange={(event) => {
          const picked = all.find((one) => one === event.currentTarget.value);
          if (picked !== undefined) onPick(picked);
        }}
      >
        {all.map((one) => (
          <option key={one} value={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  );
}
