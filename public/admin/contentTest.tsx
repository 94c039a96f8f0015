/** Sends a block to an address of one's own, to see it in a real mailbox. */
import { useState } from "preact/hooks";
import type { ContentBlockAnswer } from "../../src/admin/api/contentWire.ts";
import { post } from "./api.ts";
import { act, Failure } from "./pieces.tsx";

interface Sent {
  readonly isGood: boolean | null;
  readonly sentence: string;
}

export function SendTest({ block, id }: { readonly block: ContentBlockAnswer; readonly id: string }) {
  const [to, setTo] = useState("");
  const [through, setThrough] = useState(block.senders[0] ?? "");
  const [subject, setSubject] = useState("How it looks");
  const [sent, setSent] = useState<Sent | null>(null);
  const [error, setError] = useState<unknown>(null);
  if (block.senders.length === 0)
    return (
      <p>
        To see it in a real mailbox, name a destination of the type <code>smtp</code> in freshet.yaml.
      </p>
    );
  const submit = async (event: Event) => {
    event.preventDefault();
    setSent(null);
    setError(null);
    try {
      const body = { block: block.name, id: id === "" ? null : id, through, to: to.trim(), subject };
      setSent(await post<Sent>("content/send", body));
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <form class="send-test" onSubmit={act(submit)}>
      <label>
        Send it as a test to
        <input
          type="email"
          required
          value={to}
          placeholder="you@example.com"
          onInput={(event) => setTo(event.currentTarget.value)}
        />
      </label>
      <label>
        Subject
        <input required value={subject} onInput={(event) => setSubject(event.currentTarget.value)} />
      </label>
      <label>
        Through
        <select value={through} onChange={(event) => setThrough(event.currentTarget.value)}>
          {block.senders.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="submit">Send the test</button>
      {sent === null ? null : (
        <p role="status" class={sent.isGood === true ? "good" : "wrong"}>
          {sent.isGood === true ? "Sent: look into the mailbox." : `Not sent: ${sent.sentence}`}
        </p>
      )}
      {error === null ? null : <Failure error={error} />}
    </form>
  );
}
