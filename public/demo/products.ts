/** What the shop sells, with a drawing each. */
import { s } from "./dom.ts";

export interface Product {
  readonly product_id: string;
  readonly name: string;
  readonly line: string;
  readonly price: number;
  /** Shapes in a box of 120 × 90; class names give their colours. */
  readonly art: readonly Shape[];
}

type Shape = readonly [
  name: "path" | "circle" | "rect" | "ellipse",
  attributes: Readonly<Record<string, string | number>>,
];

const shape = (kind: string, d: string): Shape => ["path", { class: kind, d }];
const ground: Shape = ["ellipse", { class: "a-shade", cx: 60, cy: 80, rx: 44, ry: 4 }];

export const currency = "EUR";

export const products: readonly Product[] = [
  {
    product_id: "P1",
    name: "Beck boot",
    line: "Dry to the ankle",
    price: 149,
    art: [
      ground,
      shape("a-main", "M38 14h25c1 12 0 20 4 27 5 7 22 6 27 16 2 5 2 11 2 15H36c-3-16 3-38 2-58z"),
      shape("a-deep", "M34 72h64v4c0 3-2 4-5 4H38c-3 0-5-2-5-5z"),
      shape("a-light", "M36 12h29v9H36z"),
      shape("a-line", "M50 33l15-3M50 41l17-3M52 49l19-3M56 57l20-4"),
    ],
  },
  {
    product_id: "P2",
    name: "Mizzle jacket",
    line: "For weather that can't decide",
    price: 189,
    art: [
      ground,
      shape("a-main", "M45 16c8 7 22 7 30 0l20 12-8 25-8-4v29H41V49l-8 4-8-25z"),
      shape("a-light", "M45 16c3-9 27-9 30 0-8 7-22 7-30 0z"),
      shape("a-line", "M60 22v56M47 60h8M65 60h8"),
      shape("a-deep", "M41 70h38v8H41z"),
    ],
  },
  {
    product_id: "P3",
    name: "Lean-to tent",
    line: "Two people, one river bank",
    price: 329,
    art: [
      ground,
      shape("a-main", "M60 14l46 66H14z"),
      shape("a-deep", "M60 34l18 46H42z"),
      shape("a-light", "M60 14l46 66h-12L58 16z"),
      shape("a-wire", "M60 14V6M60 6l9 3-9 3"),
    ],
  },
  {
    product_id: "P4",
    name: "Tump pack",
    line: "Eighteen litres, no rattle",
    price: 69,
    art: [
      ground,
      shape("a-deep", "M46 22c0-14 28-14 28 0h-6c0-7-16-7-16 0z"),
      shape("a-main", "M38 34c0-18 44-18 44 0v40c0 4-3 6-6 6H44c-3 0-6-2-6-6z"),
      shape("a-light", "M45 50h30v22c0 2-1 3-3 3H48c-2 0-3-1-3-3z"),
      shape("a-line", "M45 58h30M60 58v7M46 38h28"),
    ],
  },
  {
    product_id: "P5",
    name: "Enamel mug",
    line: "Survives being dropped",
    price: 12.5,
    art: [
      ground,
      shape("a-deep", "M76 36c20-4 20 30-2 28v-7c12 1 12-16 2-14z"),
      shape("a-main", "M32 28h46v42c0 6-4 10-9 10H41c-5 0-9-4-9-10z"),
      shape("a-light", "M30 26h50v6H30z"),
      shape("a-wire", "M46 20c-4-5 4-7 0-12M60 20c-4-5 4-7 0-12"),
    ],
  },
  {
    product_id: "P6",
    name: "Ember lantern",
    line: "Forty hours of small light",
    price: 46,
    art: [
      ground,
      shape("a-wire", "M44 20c0-18 32-18 32 0"),
      shape("a-deep", "M44 20h32l4 10H40zM42 66h36l4 14H38z"),
      shape("a-light", "M44 30h32v36H44z"),
      shape("a-main", "M60 36c9 9 9 15 5 22H55c-5-8 0-13 5-22z"),
    ],
  },
];

/** The drawing, for decoration. */
export function drawing({ art }: Product): SVGElement {
  return s(
    "svg",
    { viewBox: "0 0 120 90", "aria-hidden": "true", focusable: "false" },
    ...art.map(([name, attributes]) => s(name, attributes)),
  );
}

/** `€ 12.50` */
export function money(amount: number): string {
  return `€ ${amount.toFixed(2).replace(/\.00$/, "")}`;
}
