/** Liquid as blocks use it: every output escaped, no files, bounded in size, time and memory. */
import { Liquid, LiquidError, type Template } from "liquidjs";
import { BlockProblem } from "./frontMatter.ts";

const limits = { parseLimit: 200_000, renderLimit: 100, memoryLimit: 2_000_000 } as const;

export interface Engine {
  /** Throws BlockProblem with line and column; `headLines`: lines of the file before the template. */
  parse(text: string, headLines: number): readonly Template[];
  /** Throws on a template that fails or goes beyond the limits. */
  render(template: readonly Template[], data: Readonly<Record<string, unknown>>): string;
}

/** An engine with these partials, by name, for `{% render "name" %}`. */
export function newEngine(partials: Readonly<Record<string, string>>): Engine {
  const liquid = new Liquid({
    templates: { ...partials },
    ownPropertyOnly: true,
    outputEscape: "escape",
    strictFilters: true,
    // A missing value is what `needs` and the template's own conditions decide about.
    strictVariables: false,
    ...limits,
  });
  // Escaping can't be switched off: values come from strangers.
  liquid.registerFilter("raw", (value: unknown) => value);
  liquid.registerFilter("money", money);
  return {
    parse: (text, headLines) => {
      try {
        return liquid.parse(text);
      } catch (error) {
        throw new BlockProblem(problemOf(error, headLines));
      }
    },
    render: (template, data) => String(liquid.renderSync([...template], data)),
  };
}

function problemOf(error: unknown, headLines: number): string {
  if (!LiquidError.is(error)) return error instanceof Error ? error.message : String(error);
  const place = /, line:(\d+)(?:, col:(\d+))?/.exec(error.message);
  const sentence = error.message.replace(/, line:.*$/s, "").replace(/, file:[^,]*/, "");
  if (place === null) return sentence;
  return `line ${Number(place[1]) + headLines}, column ${place[2] ?? "1"}: ${sentence}`;
}

/** `{{ cart.value | money: cart.currency, "de-DE" }}` */
function money(value: unknown, currency: unknown = "EUR", locale: unknown = "en"): string {
  const amount = typeof value === "string" ? Number(value) : value;
  if (typeof amount !== "number" || !Number.isFinite(amount)) return "";
  try {
    return new Intl.NumberFormat(String(locale), { style: "currency", currency: String(currency) }).format(
      amount,
    );
  } catch {
    return amount.toFixed(2);
  }
}
