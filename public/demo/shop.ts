/** The shop: products to look at and to put into a cart, and an account. It tells what happens and knows nothing of Freshet. */
import { byId, h } from "./dom.ts";
import { currency, drawing, money, products, type Product } from "./products.ts";
import type { Cart, CartItem, Profile, Viewed } from "./profile.ts";

/** What a visitor does. */
export interface ShopListener {
  viewed(product: Product, lastViewed: readonly Viewed[]): void;
  added(product: Product, cart: Cart): void;
  removed(item: CartItem, cart: Cart): void;
  signedUp(account: { readonly firstName: string; readonly email: string }): void;
}

export interface Shop {
  /** Shows a visitor who was here before as they left, or what they did in another tab. */
  restore(profile: Profile): void;
  /** For a new visitor. */
  empty(): void;
}

/** The e-mail shows so many products. */
const remembered = 3;

export function openShop(listener: ShopListener): Shop {
  let items: readonly CartItem[] = [];
  let lastViewed: readonly Viewed[] = [];
  let firstName: string | null = null;

  const look = (product: Product) => {
    const { product_id, name } = product;
    lastViewed = [{ product_id, name }, ...lastViewed.filter((one) => one.product_id !== product_id)];
    lastViewed = lastViewed.slice(0, remembered);
    listener.viewed(product, lastViewed);
  };
  const add = (product: Product) => {
    const { product_id, name, price } = product;
    const quantity = (items.find((item) => item.product_id === product_id)?.quantity ?? 0) + 1;
    const others = items.filter((item) => item.product_id !== product_id);
    items = [...others, { product_id, name, quantity, price }];
    drawCart();
    listener.added(product, cartOf(items));
  };
  const remove = (item: CartItem) => {
    items = items.filter((other) => other.product_id !== item.product_id);
    drawCart();
    byId("cart-title").focus();
    listener.removed(item, cartOf(items));
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

  byId("products").replaceChildren(...products.map((product) => card(product, look, add)));
  byId("cart-title").tabIndex = -1;
  byId("account-title").tabIndex = -1;
  drawCart();
  drawAccount();
  return {
    restore: (profile) => {
      lastViewed = profile.lastViewed?.value ?? [];
      const held = profile.cart?.value?.items ?? [];
      const known = profile.firstName?.value ?? null;
      // Only what differs is drawn anew: the focus would be lost, and what is being typed.
      if (JSON.stringify(held) !== JSON.stringify(items)) {
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
      lastViewed = [];
      firstName = null;
      drawCart();
      drawAccount();
    },
  };
}

function cartOf(items: readonly CartItem[]): Cart {
  const cents = items.reduce((sum, { quantity, price }) => sum + Math.round(price * 100) * quantity, 0);
  const count = items.reduce((sum, { quantity }) => sum + quantity, 0);
  return { items, count, value: cents / 100, currency };
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
  return [
    h("ul", {}, ...lines),
    h("p", { class: "total" }, h("span", {}, "Total"), money(cartOf(items).value)),
  ];
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
    h("label", { for: "email" }, "E-mail (stays on this machine)"),
    email,
    h("button", { type: "submit" }, "Sign up"),
  );
}

function welcome(firstName: string): HTMLElement {
  return h("p", { class: "welcome" }, "Welcome, ", h("strong", {}, firstName), ". The e-mail knows you now.");
}
