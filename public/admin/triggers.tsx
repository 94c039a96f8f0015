/** Triggers: what each did, step by step, what it was good for, and the newest times that it was set off. */
import { useState } from "preact/hooks";
import type {
  TriggerEntryAnswer,
  TriggerLogAnswer,
  TriggersAnswer,
} from "../../src/admin/api/deliveryWire.ts";
import { get } from "./api.ts";
import { outcomes, reasonText } from "./deliveryWords.ts";
import { At, Data, Failure, Table, useAnswer } from "./pieces.tsx";
import { link, route } from "./route.ts";
import { countText } from "./words.ts";

type Trigger = TriggersAnswer["triggers"][number];

export function TriggersSection() {
  const [name = ""] = route.value.rest;
  const [days, setDays] = useState(7);
  const { answer, error } = useAnswer(
    (signal) => get<TriggersAnswer>("triggers", { days }, { signal }),
    [days],
  );
  const shown = answer?.triggers.filter(({ trigger }) => name === "" || trigger === name) ?? [];
  return (
    <>
      {name === "" ? null : (
        <p class="back">
          <a href={link("triggers")}>All triggers</a>
        </p>
      )}
      <h1>{name === "" ? "Triggers" : <Data>{name}</Data>}</h1>
      <p>
        Messages that are sent when something happens, or when it is time. Everything is asked again at the
        moment of sending.
      </p>
      <label>
        Of the last
        <select value={days} onChange={(event) => setDays(Number(event.currentTarget.value))}>
          <option value={1}>day</option>
          <option value={7}>7 days</option>
          <option value={28}>28 days</option>
          <option value={180}>180 days</option>
        </select>
      </label>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? (
        error === null ? (
          <p aria-busy="true">Reading…</p>
        ) : null
      ) : answer.triggers.length === 0 ? (
        <p>
          There is none yet: name one under <code>triggers:</code> in freshet.yaml.
        </p>
      ) : (
        shown.map((one) => <One key={one.trigger} one={one} isAlone={name !== ""} />)
      )}
      {name === "" ? null : <Log name={name} />}
    </>
  );
}

function One({ one, isAlone }: { readonly one: Trigger; readonly isAlone: boolean }) {
  const { trigger, words, outcomes: counts } = one;
  const setOff = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return (
    <section aria-labelledby={`trigger-${trigger}`}>
      <h2 id={`trigger-${trigger}`} class={isAlone ? "unseen" : undefined}>
        <a href={link("triggers", trigger)}>
          <Data>{trigger}</Data>
        </a>
      </h2>
      <p>
        <Data>{words ?? "freshet.yaml names it no more"}</Data>
      </p>
      {setOff === 0 ? (
        <p>It was not set off in that time.</p>
      ) : (
        <Table label={`What became of ${trigger}`} head={["Step", "Times", "Share"]}>
          <Step title="set off" count={setOff} of={setOff} />
          <Step title="waiting to be sent" count={counts["queued"] ?? 0} of={setOff} />
          <Step title="sent" count={counts["sent"] ?? 0} of={setOff} />
          {counts["uncertain"] === undefined ? null : (
            <Step title="perhaps sent: nobody knows" count={counts["uncertain"]} of={setOff} />
          )}
          <Step title="held out, to compare with" count={counts["held_out"] ?? 0} of={setOff} />
          {one.reasons.map(({ reason, count }) => (
            <Step key={reason} title={`not sent: ${reasonText(reason)}`} count={count} of={setOff} />
          ))}
          <Step title="dead letters" count={counts["dead"] ?? 0} of={setOff} />
        </Table>
      )}
      <Lift one={one} />
    </section>
  );
}

function Step({ title, count, of }: { readonly title: string; readonly count: number; readonly of: number }) {
  return (
    <tr>
      <th scope="row">{title}</th>
      <td>{countText(count)}</td>
      <td>
        <progress class="share" max={of} value={count} aria-label={`${title}: ${percent(count, of)}`} />{" "}
        {percent(count, of)}
      </td>
    </tr>
  );
}

/** What it was good for: the goal's share of who was sent it against that of who was held out. */
function Lift({ one }: { readonly one: Trigger }) {
  const { goal, holdout, lift } = one;
  if (goal === null) return null;
  const { sent, held_out: held } = lift;
  const share = ({ people, reached }: typeof sent) => (people === 0 ? 0 : reached / people);
  const more = (share(sent) - share(held)) * 100;
  return (
    <p>
      Goal <Data>{goal}</Data>: {countText(sent.reached)} of {countText(sent.people)} who were sent it reached
      it ({percent(sent.reached, sent.people)})
      {holdout === 0
        ? "; without a holdout nobody knows what they would have done anyway."
        : `; of who was held out ${countText(held.reached)} of ${countText(held.people)} (${percent(held.reached, held.people)}). `}
      {holdout === 0 || sent.people === 0 || held.people === 0 ? null : (
        <strong>
          {more >= 0 ? "+" : "−"}
          {Math.abs(more).toFixed(1)} points by the message
          {Math.min(sent.people, held.people) < 100 ? "; so few people prove nothing yet" : ""}.
        </strong>
      )}
    </p>
  );
}

function Log({ name }: { readonly name: string }) {
  const { answer, error } = useAnswer(
    (signal) => get<TriggerLogAnswer>("triggers/log", { name }, { signal }),
    [name],
  );
  return (
    <section aria-labelledby="log">
      <h2 id="log">Newest</h2>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? null : <TriggerLog log={answer.log} of="trigger" />}
    </section>
  );
}

/** Why somebody got something, or did not. */
export function TriggerLog({
  log,
  of,
}: {
  readonly log: readonly TriggerEntryAnswer[];
  readonly of: "trigger" | "profile";
}) {
  if (log.length === 0) return <p>Nothing yet.</p>;
  return (
    <Table
      label="Trigger log"
      head={["Set off", of === "trigger" ? "Profile" : "Trigger", "What became of it", "Goal"]}
    >
      {log.map(({ item, trigger, profile, atMs, outcome, reason, goalMs }) => (
        <tr key={item}>
          <td>
            <At at={new Date(atMs).toISOString()} />
          </td>
          <th scope="row">
            <a
              href={of === "trigger" ? link("profiles", `profile_id:${profile}`) : link("triggers", trigger)}
            >
              <Data>{of === "trigger" ? profile : trigger}</Data>
            </a>
          </th>
          <td>
            {outcomes[outcome] ?? outcome}
            {reason === null ? "" : `: ${reasonText(reason)}`}
          </td>
          <td>{goalMs === null ? "–" : <At at={new Date(goalMs).toISOString()} />}</td>
        </tr>
      ))}
    </Table>
  );
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "–" : `${((part / whole) * 100).toFixed(1)} %`;
}
