/** The shop: products to look at and to put into a cart, and an account. It tells what happens and knows nothing of Freshet. */
import { byId, h } from "./dom.ts";
import { drawing, money, products, type Product } from "./products.ts";
import type { CartItem, Profile } from "./profile.ts";

/** What a visitor does. */
export interface ShopListener {
  viewed(product: Product): void;
  added(product: Product): void;
  removed(item: CartItem): void;
  signedUp(account: { readonly firstName: string; readonly email: string }): void;
}

export interface Shop {
  /** Shows a visitor who was here before as they left, or what they did in another tab. */
  restore(profile: Profile): void;
  /** For a new visitor. */
  empty(): void;
}

export function openShop(listener: ShopListener): Shop {
  let items: readonly CartItem[] = [];
  let firstName: string | null = null;

  const add = (product: Product) => {
    const { product_id, name, price } = product;
    const isIn = items.some((item) => item.product_id === product_id);
    items = isIn
      ? items.map((item) =>
          item.product_id === product_id ? { ...item, quantity: item.quantity + 1 } : item,
        )
      : [...items, { product_id, name, quantity: 1, price }];
    drawCart();
    listener.added(product);
  };
  const remove = (item: CartItem) => {
    items = items.filter((other) => other.product_id !== item.product_id);
    drawCart();
    byId("cart-title").focus();
    listener.removed(item);
  };
  const signUp = (account: { readonly firstName: string; readonly email: string }) => {
    firstName = account.firstName;
    drawAccount();
    byId("account-title").focus();
    listener.signedUp(account);
  };
  const drawCart = () => byId("cart").replaceChildren(...cartView(items, remove));
  const drawAccount = () =>
    byId("account").replaceChildren(firstName === null ? signUpForm(signUp) : welcome(firstName));

  byId("products").replaceChildren(
    ...products.map((product) => card(product, (one) => listener.viewed(one), add)),
  );
  byId("cart-title").tabIndex = -1;
  byId("account-title").tabIndex = -1;
  drawCart();
  drawAccount();
  return {
    restore: (profile) => {
      const held = profile.cart?.value?.items ?? [];
      const known = profile.firstName?.value ?? null;
      // Only what differs is drawn anew: the focus would be lost, and what is being typed.
      if (linesText(held) !== linesText(items)) {
        items = held;
        drawCart();
      }
      if (known !== firstName) {
        firstName = known;
        drawAccount();
      }
    },
    empty: () => {
      items = [];
      firstName = null;
      drawCart();
      drawAccount();
    },
  };
}

function totalOf(items: readonly CartItem[]): number {
  return items.reduce((sum, { quantity, price }) => sum + Math.round(price * 100) * quantity, 0) / 100;
}

/** What the cart's lines show, to compare. */
function linesText(items: readonly CartItem[]): string {
  return JSON.stringify(items.map(({ product_id, quantity, price }) => [product_id, quantity, price]));
}

function card(
  product: Product,
  look: (product: Product) => void,
  add: (product: Product) => void,
): HTMLElement {
  const { name, line, price } = product;
  return h(
    "li",
    { class: "card" },
    h(
      "button",
      {
        type: "button",
        class: "look",
        click: () => look(product),
      },
      drawing(product),
      h("span", { class: "unseen" }, "Look at"),
      h("span", { class: "name" }, name),
      h("span", { class: "line" }, line),
    ),
    h(
      "div",
      { class: "buy" },
      h("span", { class: "price" }, money(price)),
      h(
        "button",
        { type: "button", class: "add", click: () => add(product), "aria-label": `Add ${name} to the cart` },
        "Add",
      ),
    ),
  );
}

function cartView(items: readonly CartItem[], remove: (item: CartItem) => void): readonly HTMLElement[] {
  if (items.length === 0) return [h("p", { class: "empty" }, "Empty. Add something.")];
  const lines = items.map((item) =>
    h(
      "li",
      {},
      h("span", {}, `${item.quantity} × ${item.name}`),
      h("span", { class: "sum" }, money(item.quantity * item.price)),
      h(
        "button",
        {
          type: "button",
          class: "quiet small",
          click: () => remove(item),
          "aria-label": `Remove ${item.name}`,
        },
        "Remove",
      ),
    ),
  );
  return [h("ul", {}, ...lines), h("p", { class: "total" }, h("span", {}, "Total"), money(totalOf(items)))];
}

function signUpForm(
  done: (account: { readonly firstName: string; readonly email: string }) => void,
): HTMLElement {
  const name = h("input", {
    id: "first-name",
    name: "firstName",
    required: true,
    maxlength: 40,
    autocomplete: "given-name",
  });
  const email = h("input", {
    id: "email",
    name: "email",
    type: "email",
    required: true,
    maxlength: 120,
    autocomplete: "email",
  });
  return h(
    "form",
    {
      submit: (event) => {
        event.preventDefault();
        done({ firstName: name.value.trim(), email: email.value.trim() });
      },
    },
    h("label", { for: "first-name" }, "First name"),
    name,
    h("label", { for: "email" }, "E-mail (any will do: nothing is sent to it)"),
    email,
    h("button", { type: "submit" }, "Sign up"),
  );
}

function welcome(firstName: string): HTMLElement {
  return h("p", { class: "welcome" }, "Welcome, ", h("strong", {}, firstName), ". The e-mail knows you now.");
}
