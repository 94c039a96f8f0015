/** The e-mail, written anew from the profile each time, and the table of what it is written from. */
import { byId, h } from "./dom.ts";
import { drawing, money, products } from "./products.ts";
import { factNames, type Cart, type FactName, type Profile, type Viewed } from "./profile.ts";

const labels: Readonly<Record<FactName, string>> = {
  firstName: "First name",
  cart: "Cart",
  recentlyViewed: "Recently viewed",
  views24h: "Views in 24 hours",
  leftBehind: "Left behind",
};

/** The e-mail shows so many products that were looked at. */
const shownViewed = 3;

/** Writes the e-mail; parts that come from `changed` are marked for a moment. */
export function writeLetter(profile: Profile, changed: ReadonlySet<FactName>): void {
  const firstName = profile.firstName?.value ?? null;
  const cart = hasItems(profile.cart?.value ?? null);
  const isLeft = cart !== null && profile.leftBehind !== null;
  const viewed = notIn(cart, profile.recentlyViewed?.value ?? []).slice(0, shownViewed);
  const line = isLeft ? leftSubject(firstName) : subject(firstName, cart, viewed);
  // Said aloud by screen readers, which a text that is replaced as a whole is not.
  if (changed.size > 0) byId("announce").textContent = `The e-mail now says: ${line}`;
  const mark = (name: FactName) => (changed.has(name) ? "fresh" : "");
  byId("letter").replaceChildren(
    h(
      "dl",
      { class: "head" },
      h("dt", {}, "From"),
      h("dd", {}, "Fell & Ford <hello@shop.example>"),
      h("dt", {}, "Subject"),
      h("dd", { class: "subject", id: "subject" }, line),
    ),
    h(
      "div",
      { class: "body" },
      h("p", { class: `hello ${mark("firstName")}` }, `Hello ${firstName ?? "there"},`),
      cart === null ? opening(viewed) : h("p", { class: mark("leftBehind") }, cartOpening(isLeft)),
      cart === null ? null : h("div", { class: `goods ${mark("cart")}` }, ...cartLines(cart)),
      viewed.length === 0 ? null : h("p", {}, cart === null ? "Here it is again:" : "You also looked at:"),
      viewed.length === 0
        ? null
        : h("ul", { class: `seen ${mark("recentlyViewed")}` }, ...viewed.map(seenCard)),
      looks(profile.views24h?.value ?? 0, mark("views24h")),
      h("p", { class: "bye" }, "Stay dry,", h("br"), "Fell & Ford"),
    ),
  );
}

/** Draws the table; called every now and then, since ages pass. */
export function writeFacts(profile: Profile, nowMs: number): void {
  byId("facts").replaceChildren(...factNames.map((name) => factRow(name, profile, nowMs)));
}

function factRow(name: FactName, profile: Profile, nowMs: number): HTMLElement {
  const held = profile[name];
  const toScreenMs = held?.toScreenMs ?? null;
  const unknown = name === "leftBehind" ? "no" : "not known";
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, labels[name]),
    h("td", {}, held === null ? unknown : age(nowMs - held.setAtMs)),
    h("td", {}, toScreenMs === null ? "–" : h("strong", {}, `${Math.round(toScreenMs)} ms`)),
  );
}

function age(durationMs: number): string {
  const seconds = Math.max(0, Math.floor(durationMs / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} days`;
}

function leftSubject(firstName: string | null): string {
  return firstName === null ? "You left something behind" : `${firstName}, you left something behind`;
}

function subject(firstName: string | null, cart: Cart | null, viewed: readonly Viewed[]): string {
  const [first] = viewed;
  const name = firstName === null ? "" : `${firstName}, `;
  const capital = (text: string) => (firstName === null ? text[0]?.toUpperCase() + text.slice(1) : text);
  const newest = cart?.items.at(-1)?.name;
  if (cart !== null && newest !== undefined) {
    const more = cart.count === 1 ? "is" : `and ${cart.count - 1} more are`;
    return `${name}${capital(`your ${newest} ${more} waiting`)}`;
  }
  if (first !== undefined) return `${name}${capital(`the ${first.name} looked back at you`)}`;
  return firstName === null ? "Nice to have you here" : `Nice to have you here, ${firstName}`;
}

function cartOpening(isLeft: boolean): string {
  return isLeft
    ? "you went on, and this stayed by the river. We keep it dry for you:"
    : "this is in your cart:";
}

function looks(count: number, mark: string): HTMLElement | null {
  if (count < 2) return null;
  return h("p", { class: `looks ${mark}` }, `That makes ${count} looks in 24 hours.`);
}

function opening(viewed: readonly Viewed[]): HTMLElement {
  if (viewed.length > 0) return h("p", {}, "something caught your eye in our shop.");
  return h("p", {}, "we know nothing about you yet. Look at something in the shop, and watch this text.");
}

/** A cart with nothing in it is none. */
function hasItems(cart: Cart | null): Cart | null {
  return cart === null || cart.items.length === 0 ? null : cart;
}

/** What was looked at and is not in the cart. */
function notIn(cart: Cart | null, viewed: readonly Viewed[]): readonly Viewed[] {
  const inCart = new Set(cart?.items.map((item) => item.product_id));
  return viewed.filter(({ product_id }) => !inCart.has(product_id));
}

function cartLines(cart: Cart): readonly HTMLElement[] {
  const lines = cart.items.map((item) =>
    h(
      "div",
      { class: "good" },
      art(item.product_id),
      h("span", {}, item.name),
      h("span", { class: "times" }, `× ${item.quantity}`),
      h("span", { class: "sum" }, money(item.quantity * item.price)),
    ),
  );
  const total = h(
    "div",
    { class: "good whole" },
    h("span", {}, "Together"),
    h("span", { class: "sum" }, money(cart.value)),
  );
  return [...lines, total];
}

function seenCard({ product_id, name }: Viewed): HTMLElement {
  return h("li", {}, art(product_id), h("span", {}, name));
}

function art(productId: string): SVGElement | null {
  const product = products.find((one) => one.product_id === productId);
  return product === undefined ? null : drawing(product);
}
