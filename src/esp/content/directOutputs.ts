/**
 * Outputs of a template that only name a value, such as `{{ item.name }}`: most outputs of most templates. Liquid works
 * through each by eight generators, since any part of it might have to be waited for; the values of a block are plain data,
 * and what these name is looked up at once, by Liquid's own rules. Everything else is left to Liquid.
 */
import { Output, toValueSync, TypeGuards, type Context, type Template } from "liquidjs";

/** Makes them so, in place; also within tags. */
export function lookUpDirectly(templates: readonly Template[]): void {
  for (const template of templates) {
    if (template instanceof Output) makeDirect(template);
    else if (template.children !== undefined) lookUpDirectly(toValueSync(template.children(false, true)));
  }
}

function makeDirect(output: Output): void {
  const [name, ...rest] = pathOf(output) ?? [];
  const [escape, ...others] = output.value.filters;
  if (name === undefined || escape === undefined || others.length > 0 || escape.args.length > 0) return;
  const { handler, token, liquid } = escape as unknown as FilterParts;
  const direct: Template["render"] = (context, emitter) => {
    let value: unknown = context.readProperty(context["findScope"](name) as object, name);
    for (const key of rest) value = context.readProperty(value as object, key);
    emitter.write(handler.call({ context, token, liquid }, value));
  };
  // Declared as an iterator, of which Liquid makes no use where there is none.
  const template: Template = output;
  template.render = direct;
}

/** What a filter is made of; not all of it is declared. */
interface FilterParts {
  readonly handler: (
    this: { readonly context: Context; token: unknown; liquid: unknown },
    value: unknown,
  ) => unknown;
  readonly token: unknown;
  readonly liquid: unknown;
}

/** The names of `a.b["c"][0]`; null for anything else. */
function pathOf({ value }: Output): (string | number)[] | null {
  const [token, ...others] = value.initial.postfix;
  if (token === undefined || others.length > 0 || !TypeGuards.isPropertyAccessToken(token)) return null;
  if (token.variable !== undefined) return null;
  const path = token.props.map((prop) => ("content" in prop ? prop.content : null));
  return path.every((key) => typeof key === "string" || typeof key === "number") ? path : null;
}
