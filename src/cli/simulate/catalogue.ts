/** What the simulated shop sells, and who comes to it. */

/** A product under the property names of the Segment e-commerce specification. */
export interface Product {
  readonly product_id: string;
  readonly sku: string;
  readonly name: string;
  readonly brand: string;
  readonly category: string;
  readonly price: number;
}

export const currency = "EUR";

function product(number: number, name: string, brand: string, category: string, price: number): Product {
  const sku = `${category.slice(0, 2).toUpperCase()}-${100 + number}`;
  return { product_id: `P${number}`, sku, name, brand, category, price };
}

export const products: readonly Product[] = [
  product(1, "Trail shoe", "Fell", "shoes", 84),
  product(2, "Road shoe", "Fell", "shoes", 119.5),
  product(3, "Winter boot", "Northing", "shoes", 149.9),
  product(4, "River sandal", "Northing", "shoes", 59),
  product(5, "Rain jacket", "Mizzle", "jackets", 189),
  product(6, "Wind shell", "Mizzle", "jackets", 98.5),
  product(7, "Down jacket", "Eider & Co", "jackets", 259),
  product(8, "Fleece", "Eider & Co", "jackets", 74.9),
  product(9, "Day pack 18 l", "Tump", "bags", 69),
  product(10, "Trekking pack 45 l", "Tump", "bags", 178),
  product(11, "Dry bag", "Tump", "bags", 24.5),
  product(12, "Two-person tent", "Lean-to", "camp", 329),
  product(13, "Sleeping mat", "Lean-to", "camp", 89),
  product(14, "Camp stove", "Ember", "camp", 64.9),
  product(15, "Enamel mug", "Ember", "camp", 12.5),
  product(16, "Head torch", "Ember", "camp", 39),
];

export const categories: readonly string[] = [...new Set(products.map(({ category }) => category))];

export const searches: readonly string[] = [
  "waterproof jacket",
  "light tent",
  "trail shoes 42",
  "gift under 50",
  "backpack",
  "warm",
  "wool socks",
];

export const coupons: readonly string[] = ["SPRING10", "WELCOME", "FRIENDS"];

export const firstNames: readonly string[] = [
  "Ann",
  "Björn",
  "Chloé",
  "Dmitri",
  "Elif",
  "Farid",
  "Grace",
  "Hana",
  "Ivan",
  "Jun",
  "Kofi",
  "Lucía",
  "Maja",
  "Noor",
  "Owen",
  "Priya",
];

export const lastNames: readonly string[] = [
  "Abe",
  "Brandt",
  "Costa",
  "Duval",
  "Eriksen",
  "Fischer",
  "Garcia",
  "Haddad",
  "Ito",
  "Jansen",
  "Kowalski",
  "Lind",
  "Moreau",
  "Novak",
  "Okafor",
];
