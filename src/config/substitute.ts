/** `${NAME}` in a text of the file stands for a variable of the environment; `$${NAME}` for itself. */
import type { Environment } from "./environment.ts";

const reference = /\$(\$?)\{([^}]*)\}/g;

/** Replaces references everywhere in a parsed file; what is missing is added to `problems`. */
export function substitute(
  value: unknown,
  environment: Environment,
  problems: string[],
): { readonly value: unknown; readonly variables: ReadonlySet<string> } {
  const variables = new Set<string>();
  const inText = (text: string, place: string) =>
    text.replace(reference, (whole: string, escaped: string, name: string) => {
      if (escaped !== "") return whole.slice(1);
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
        problems.push(`${place}: a variable's name has letters, digits and _ only: \${NAME}`);
        return "";
      }
      variables.add(name);
      const found = environment[name];
      if (found === undefined || found === "") problems.push(`${place}: the variable ${name} is not set`);
      return found ?? "";
    });
  const walk = (node: unknown, place: string): unknown => {
    if (typeof node === "string") return inText(node, place);
    if (Array.isArray(node)) return node.map((item: unknown, index) => walk(item, `${place}[${index}]`));
    if (typeof node !== "object" || node === null) return node;
    return Object.fromEntries(
      Object.entries(node).map(([key, item]) => [key, walk(item, place === "" ? key : `${place}.${key}`)]),
    );
  };
  return { value: walk(value, ""), variables };
}
