/** Floor: an Elysia handler that renders a template with Liquid from a constant, and answers it as JSON. */
import { Elysia } from "elysia";
import { Liquid } from "liquidjs";
import { cartItems, cartTemplate } from "./contentTemplate.ts";

const liquid = new Liquid({ outputEscape: "escape", templates: {}, ownPropertyOnly: true });
const template = liquid.parse(cartTemplate);
const data = {
  firstName: "Ann",
  cart: { items: cartItems, count: cartItems.length, value: 342, currency: "EUR" },
};

const app = new Elysia()
  .get("/content", () => ({ html: String(liquid.renderSync(template, data)), data }))
  .listen({ port: 0, hostname: "127.0.0.1" });

console.log(`listening ${app.server?.port}`);
