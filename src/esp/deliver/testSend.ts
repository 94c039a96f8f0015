/** One message to an address of the operator's own, outside the queue: to see in a real mailbox what a block becomes. */
import { performed } from "./answers.ts";
import type { Deliverer } from "./deliverer.ts";
import type { Message, SendRow } from "./destination.ts";
import { shownAnswer } from "./mask.ts";
import type { ProbeReport } from "./reports.ts";

const mostMs = 60_000;

/** Sends it now; `id` tells it apart from others. Says how that went, without secrets. */
export async function testSend(
  { setUp }: Deliverer,
  { to, message, id }: { readonly to: string; readonly message: Message; readonly id: string },
): Promise<ProbeReport> {
  const { open, mask, send } = setUp;
  if (open.send === undefined) return { isGood: false, sentence: "it can't send messages" };
  const row: SendRow = { profileId: "test", key: { email: to }, id, email: to, message };
  const { way } = open.send;
  const signal = AbortSignal.timeout(mostMs);
  if (way.kind === "http") {
    const answer = await send(way.request([row]), signal);
    const isGood = answer.kind === "answer" && answer.status < 300;
    return {
      isGood,
      sentence: `${isGood ? "it was taken" : "it was refused"}: ${shownAnswer(answer, mask)}`,
    };
  }
  const verdict = await performed(() => way.perform([row], signal));
  if (verdict.kind === "done") return { isGood: true, sentence: "it was taken" };
  const reason = "reason" in verdict ? verdict.reason : verdict.kind;
  return { isGood: false, sentence: `it was not taken: ${mask(reason)}` };
}
