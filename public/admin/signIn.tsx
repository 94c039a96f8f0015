/** Signing in with an admin key. */
import { useState } from "preact/hooks";
import type { SessionAnswer } from "../../src/admin/api/adminWire.ts";
import { hasEnded, post, session } from "./api.ts";
import { signInWords } from "./errorWords.ts";
import { act, Failure } from "./pieces.tsx";

export function SignIn() {
  const [key, setKey] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  /** The key that the error is about; the field may hold another one by now. */
  const [tried, setTried] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    setTried(key.trim());
    try {
      session.value = await post<SessionAnswer>("session", { key: key.trim() });
      hasEnded.value = false;
    } catch (caught) {
      setError(caught);
      setBusy(false);
    }
  };
  return (
    <main class="alone">
      <h1>Freshet</h1>
      {hasEnded.value ? (
        <p role="status">The session has ended. Sign in again to go on where you were.</p>
      ) : null}
      <p>Sign in with a secret key that may administer.</p>
      <form onSubmit={act(submit)}>
        <label for="key">Admin key</label>
        <input
          id="key"
          name="key"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          required
          placeholder="sk_…"
          value={key}
          aria-describedby="where"
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <small id="where">
          The first start printed one, and the demo prints one at each start. On the server,{" "}
          <code>freshet keys create --kind secret</code> makes another.
        </small>
        <button type="submit" aria-busy={isBusy} disabled={isBusy}>
          Sign in
        </button>
      </form>
      {error === null ? null : <Failure error={error} words={(caught) => signInWords(caught, tried)} />}
    </main>
  );
}
