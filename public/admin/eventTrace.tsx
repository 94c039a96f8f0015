/** The way of one event through the house. */
import type { TraceAnswer, TraceLine } from "../../src/admin/api/profileWire.ts";
import { get } from "./api.ts";
import { Data, Failure, useAnswer } from "./pieces.tsx";
import type { NamespaceName } from "./namespaceName.ts";
import { link } from "./route.ts";

interface EventTraceProps {
  /** The profile that one came from. */
  readonly id: string;
  readonly namespace: NamespaceName;
  readonly messageId: string;
}

export function EventTrace({ id, namespace, messageId }: EventTraceProps) {
  const { answer, error } = useAnswer(
    (signal) => get<TraceAnswer>("event", { messageId, namespace }, { signal }),
    [messageId, namespace],
  );
  return (
    <>
      <p>
        <a href={link("profiles", id, namespace)}>Back to the profile</a>
      </p>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? null : answer.events.map((trace) => <Trace key={trace.seq} trace={trace} />)}
    </>
  );
}

function Trace({ trace }: { readonly trace: TraceLine }) {
  const { messageId, type, name, source, timestamp, receivedAt, committedAt, folded, fedAt, event } = trace;
  return (
    <article>
      <h2>
        {type} {name === null ? null : <Data>{name}</Data>}
      </h2>
      <p>
        messageId <Data>{messageId}</Data>, from <Data>{source}</Data>
      </p>
      <dl class="way">
        <dt>Happened</dt>
        <dd>
          <time dateTime={timestamp}>{timestamp}</time>
        </dd>
        <dt>Received</dt>
        <dd>
          <time dateTime={receivedAt}>{receivedAt}</time>
        </dd>
        <dt>On disk</dt>
        <dd>
          <time dateTime={committedAt}>{committedAt}</time>
        </dd>
        <dt>In the profile</dt>
        <dd>{folded ? "yes" : "no"}</dd>
        <dt>Fed first</dt>
        <dd>{fedAt === null ? "to nobody since the start" : <time dateTime={fedAt}>{fedAt}</time>}</dd>
      </dl>
      <pre tabIndex={0} aria-label="The event as it came">
        <code>{JSON.stringify(event, null, 2)}</code>
      </pre>
    </article>
  );
}
