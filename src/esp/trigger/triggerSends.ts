/**
 * Makes a trigger's message at the moment of sending, and asks once more whether it should be sent at all: is the
 * person still in the segment, is it night there, was enough sent already, is there something to say.
 */
import type { JsonObject } from "../../model/event.ts";
import { isTimeZone } from "../../lib/localDay.ts";
import {
  isHeldOut,
  latenessMs,
  quietUntil,
  type TriggerRules,
  type TriggerSetting,
} from "../../model/trigger.ts";
import { readTrait } from "../../model/trait.ts";
import type { Delivery } from "../../store/ops/deliveries.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import type { StoredProfile } from "../../store/profiles.ts";
import { segmentsOfProfile } from "../../store/segmentSubject.ts";
import type { Block } from "../content/block.ts";
import { serveBlock, type ServeBlockDeps, type ServedBlock } from "../content/serveBlock.ts";
import { subjectText } from "../content/subject.ts";
import type { Message } from "../deliver/destination.ts";
import type { Prepared, SendMaker } from "../deliver/planning.ts";
import { everything, renderProfile } from "../profileView.ts";

export interface TriggerSendsDeps extends ServeBlockDeps {
  readonly ops: Pick<OpsDesk, "ask">;
  readonly rules: () => TriggerRules;
  readonly blockOf: (name: string) => Block | null;
}

/** Traits that may tell where the clock of a person stands. */
const zoneTraits = ["timezone", "timeZone"] as const;
/** A template also fails where a busy machine lets its time run out: it is tried again, for so long. */
const busyMs = 300_000;
const againMs = 2_000;
/** Receipts of messages on their way; more than a destination can have out at a time. */
const mostOnTheWay = 10_000;

export class TriggerSends implements SendMaker {
  readonly #deps: TriggerSendsDeps;
  /** What was rendered, until it is known that it was sent. */
  readonly #onTheWay = new Map<string, ServedBlock>();

  constructor(deps: TriggerSendsDeps) {
    this.#deps = deps;
  }

  async prepare(delivery: Delivery, profile: StoredProfile, nowMs: number): Promise<Prepared> {
    const { ops, rules } = this.#deps;
    const entry = await ops.ask("triggers", "byItem", delivery.item);
    const trigger = rules().triggers.find(({ name }) => name === entry?.trigger);
    if (entry === null || trigger === undefined) return skip("trigger_removed");
    if (!isStillTrue(trigger, profile, nowMs)) return skip("left_segment");
    const { limits, send } = trigger;
    const zone = zoneOf(profile) ?? limits.timeZone;
    const untilMs = quietUntil(nowMs, limits.quietHours, zone);
    if (untilMs !== null) return { kind: "later", untilMs };
    const lateMs = latenessMs(entry.atMs, nowMs, limits.quietHours, zone);
    if (limits.maxLateMs !== null && lateMs > limits.maxLateMs) return skip("too_late");
    const made = this.#message(trigger, profile, delivery.item);
    if (made === "template_failed" && nowMs - entry.atMs < busyMs)
      return { kind: "later", untilMs: nowMs + againMs };
    if (typeof made === "string") return skip(made);
    const { item } = delivery;
    const answer = await ops.ask(
      "triggers",
      "claim",
      { item, profile: profile.profileId, trigger: trigger.name, topic: send.topic, atMs: entry.atMs },
      { caps: rules().caps, oncePerMs: limits.oncePerMs },
      nowMs,
    );
    if (answer !== "free") this.#onTheWay.delete(item);
    if (answer === "wait") return { kind: "later", untilMs: nowMs + againMs };
    if (answer !== "free") return skip(answer);
    // Last of all: who is held out must be like who gets it, or the two can't be compared.
    if (isHeldOut(trigger.name, profile.profileId, limits.holdout)) {
      this.#onTheWay.delete(item);
      return { kind: "holdOut", channel: send.channel, topic: send.topic };
    }
    return { kind: "send", channel: send.channel, topic: send.topic, message: made };
  }

  /** The queue has written down what became of it; what is left is what was in it. */
  async told(delivery: Delivery, outcome: "sent" | "skipped" | "dead"): Promise<void> {
    const served = this.#onTheWay.get(delivery.item);
    this.#onTheWay.delete(delivery.item);
    const receipt = outcome === "sent" && served !== undefined ? served.leaveReceipt(false) : null;
    await this.#deps.ops.ask("triggers", "told", delivery.item, receipt);
  }

  /** The message, or why there is none. */
  #message(trigger: TriggerSetting, profile: StoredProfile, item: string): Message | string {
    const { send, limits, name, namespace } = trigger;
    const nowMs = this.#deps.clock.nowMs();
    if (send.kind === "template") {
      const { traits } = renderProfile(profile, { ...everything, traits: send.traits }, nowMs);
      const data = traits as JsonObject;
      const subject = send.subject === null ? null : subjectText(send.subject, data);
      return { ...noContent, subject, template: send.template, data, topic: send.topic };
    }
    const block = this.#deps.blockOf(send.block);
    if (block === null) return "block_not_found";
    const id = `profile_id:${profile.profileId}`;
    const asked = { namespace, id, form: "html", caller: `trigger:${name}` } as const;
    const served = serveBlock(block, asked, this.#deps);
    const { rendered } = served;
    // A fallback is for e-mails that go out anyway; one that is sent of ourselves needs something to say.
    if (rendered.isFallback) return rendered.reason ?? "nothing_to_say";
    if (limits.requireFresh && rendered.reason !== null) return "not_fresh";
    const { data } = rendered;
    const subject = send.subject === null ? null : subjectText(send.subject, data);
    if (subject === "") return "no_subject";
    if (this.#onTheWay.size < mostOnTheWay) this.#onTheWay.set(item, served);
    const { html, text } = rendered;
    return { ...noContent, subject, html, text, data: { ...data }, topic: send.topic };
  }
}

const noContent = { subject: null, html: null, text: null, template: null, headers: {} } as const;

function skip(reason: string): Prepared {
  return { kind: "skip", reason };
}

function isStillTrue({ when }: TriggerSetting, profile: StoredProfile, nowMs: number): boolean {
  return when.kind === "event" || segmentsOfProfile(profile, nowMs).members.includes(when.segment);
}

function zoneOf({ state }: StoredProfile): string | null {
  for (const name of zoneTraits) {
    const value = readTrait(state, name)?.value;
    if (typeof value === "string" && isTimeZone(value)) return value;
  }
  return null;
}
