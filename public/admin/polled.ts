/** An answer that is asked for again and again, sooner while work is under way; kept while the next is on its way. */
import { useEffect, useState } from "preact/hooks";
import type { GetOptions } from "./api.ts";

const idleMs = 5_000;
const busyMs = 500;

export interface Polled<Answer> {
  readonly answer: Answer | null;
  readonly error: unknown;
  /** Asks at once, after something was begun. */
  readonly again: () => void;
}

export function usePolled<Answer>(
  read: (options: GetOptions) => Promise<Answer>,
  isBusy: (answer: Answer) => boolean,
  inputs: readonly unknown[],
): Polled<Answer> {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const abort = new AbortController();
    const ask = async () => {
      let waitMs = idleMs;
      try {
        if (!document.hidden || timer === undefined) {
          const given = await read({ signal: abort.signal, isBackground: timer !== undefined });
          setAnswer(given);
          if (isBusy(given)) waitMs = busyMs;
        }
        setError(null);
      } catch (caught) {
        if (abort.signal.aborted) return;
        setError(caught);
      }
      if (!abort.signal.aborted) timer = setTimeout(() => ask().catch(setError), waitMs);
    };
    ask().catch(setError);
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [...inputs, round]);
  return { answer, error, again: () => setRound((before) => before + 1) };
}
