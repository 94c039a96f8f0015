/**
 * The look through a block's HTML (checkHtml.ts), remembered. What a template writes around its values is mostly the same
 * for everybody: it is looked through once, with places for the values, and of each e-mail after it only the values are,
 * and they where they decide something. Values are escaped, so that in text and between quotes they open and end nothing.
 */
import { attributeFault, dependsOnValue, htmlFault, type HtmlFault } from "./checkHtml.ts";

/** An attribute that holds values and is to be looked at with them: fixed texts, and places of values among the pieces. */
interface Check {
  readonly name: string;
  readonly parts: readonly (string | number)[];
  /** Its fixed beginning decides where it leads, so that plain words behind it change nothing. */
  readonly isLed: boolean;
}

/** What is to be looked at of all HTML with this around its values; null: all of it. */
type Plan = readonly Check[] | null;

/** Characters of what stands around values, over all that is remembered. */
const maxCharacters = 4_000_000;
const maxRemembered = 100_000;

/**
 * What stands for a value while its place is looked for: begins as a tag's name would, and would not stay in one piece
 * outside of quotes.
 */
const placeOf = (value: number) => `q\uFDD0 / ${value} \uFDD1`;
const places = /q\uFDD0 \/ (\d+) \uFDD1/g;
/** Elements whose text ends at their own end tag alone, which a value may be a part of. */
const rawElements = ["style", "title", "textarea", "script", "noscript", "iframe", "xmp"];
/** Behind such a beginning nothing leads elsewhere. */
const ledBeginning = /^https?:\/\/[a-z0-9.-]+\/[\w./~-]*(?:\?[\w./~=-]*)?$/i;
const plainWord = /^[\w.~-]*$/;

export class HtmlCheck {
  readonly #linkHosts: readonly string[] | null;
  readonly #plans = new Map<string, Plan>();
  #characters = 0;

  constructor(linkHosts: readonly string[] | null) {
    this.#linkHosts = linkHosts;
  }

  /**
   * As `htmlFault` of the HTML. `pieces`: what it was put together of, by turns from the template and an escaped value,
   * which holds no angle bracket and no quote; null where that is not known.
   */
  fault(html: string, pieces: readonly string[] | null): HtmlFault | null {
    if (pieces !== null && html.length <= maxRemembered && this.#passes(pieces)) return null;
    return htmlFault(html, this.#linkHosts);
  }

  #passes(pieces: readonly string[]): boolean {
    const around = pieces.map((piece, at) => (at % 2 === 0 ? piece : "\uFDD0")).join("");
    let plan = this.#plans.get(around);
    if (plan === undefined) {
      plan = planOf(pieces, this.#linkHosts);
      this.#characters += around.length;
      if (this.#characters > maxCharacters) {
        this.#plans.clear();
        this.#characters = around.length;
      }
      this.#plans.set(around, plan);
    }
    return plan?.every((check) => passes(check, pieces, this.#linkHosts)) ?? false;
  }
}

function passes(
  { name, parts, isLed }: Check,
  pieces: readonly string[],
  linkHosts: readonly string[] | null,
): boolean {
  if (isLed && parts.every((part) => typeof part === "string" || plainWord.test(pieces[part] ?? "")))
    return true;
  const value = parts.map((part) => (typeof part === "string" ? part : (pieces[part] ?? ""))).join("");
  return attributeFault(name, value, linkHosts) === null;
}

/** Finds out where the values stand. */
function planOf(pieces: readonly string[], linkHosts: readonly string[] | null): Plan {
  const html = pieces.map((piece, at) => (at % 2 === 0 ? piece : placeOf(at))).join("");
  const checks: Check[] = [];
  let found = 0;
  let text = "";
  let isHeld = true;
  const rewriter = new HTMLRewriter()
    .on("*", {
      element(element) {
        for (const [attribute, value] of element.attributes) {
          const values = value.match(places)?.length ?? 0;
          if (values === 0) continue;
          found += values;
          const name = attribute.toLowerCase();
          if (name === "http-equiv") isHeld = false;
          else if (dependsOnValue(name)) checks.push(checkOf(name, value, linkHosts));
        }
      },
    })
    .onDocument({ text: (chunk) => void (text += chunk.text) });
  for (const element of rawElements)
    rewriter.on(element, { text: (chunk) => void (isHeld &&= !/[\uFDD0\uFDD1]/.test(chunk.text)) });
  rewriter.transform(html);
  found += text.match(places)?.length ?? 0;
  // A value that is in no text and in no quotes is in a tag's name, a comment, or somewhere nobody thought of.
  if (!isHeld || found !== (pieces.length - 1) / 2) return null;
  return htmlFault(html, linkHosts, (value) => value.includes("\uFDD0")) === null ? checks : null;
}

function checkOf(name: string, value: string, linkHosts: readonly string[] | null): Check {
  const parts = value.split(places).map((part, at) => (at % 2 === 0 ? part : Number(part)));
  const beginning = value.slice(0, value.indexOf("q\uFDD0"));
  const isLed =
    ledBeginning.test(beginning) &&
    attributeFault(name, value.replace(places, "x"), linkHosts) === null &&
    attributeFault(name, beginning, linkHosts) === null;
  return { name, parts, isLed };
}
