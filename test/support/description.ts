/** A vendor's own description of its API, as far as a server made of it does not enforce it. */
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { readFileSync } from "node:fs";

interface Parameter {
  readonly name?: string;
  readonly in?: string;
  readonly $ref?: string;
}

interface Operation {
  readonly parameters?: readonly Parameter[];
}

export class Description {
  readonly path: string;
  readonly #document: {
    readonly openapi?: string;
    readonly basePath?: string;
    readonly servers?: readonly { readonly url: string }[];
    readonly paths: Readonly<Record<string, Operation & Readonly<Record<string, Operation>>>>;
  };

  constructor(path: string) {
    this.path = path;
    this.#document = JSON.parse(readFileSync(path, "utf8")) as never;
  }

  /** What all paths begin with besides what stands in the description. */
  get base(): string {
    const { basePath, servers } = this.#document;
    const [server] = servers ?? [];
    const path = basePath ?? (server === undefined ? "" : new URL(server.url).pathname);
    return path.replace(/\/+$/, "");
  }

  /** Bodies and parameters whose schema does not compile: prism takes everything for one of those. */
  broken(): readonly string[] {
    const options = { strict: false, allErrors: true, validateFormats: false } as const;
    const isNew = this.#document.openapi?.startsWith("3.1") === true;
    const ajv = isNew ? new Ajv2020(options) : new Ajv(options);
    ajv.addSchema(this.#document, "it");
    const places = schemasIn(this.#document, "");
    if (places.length === 0) return ["there are no schemas"];
    return places.flatMap((place) => {
      try {
        ajv.compile({ $ref: `it#${place}` });
        return [];
      } catch (error) {
        return [`${place}: ${String(error)}`];
      }
    });
  }

  /** Names of a query that the operation does not have: prism passes over them. */
  unknownQuery(method: string, target: string): readonly string[] {
    const { pathname, searchParams } = new URL(target, "http://127.0.0.1");
    const path = pathname.slice(this.base.length);
    const known = Object.entries(this.#document.paths).flatMap(([template, item]) => {
      const operation = item[method.toLowerCase()];
      if (operation === undefined || !patternOf(template, "[^/]+").test(path)) return [];
      return [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((one) => this.#resolved(one));
    });
    const names = new Set(known.filter((one) => one.in === "query").map(({ name }) => name));
    return [...new Set(searchParams.keys())].filter((name) => !names.has(name));
  }

  #resolved(parameter: Parameter): Parameter {
    if (parameter.$ref === undefined) return parameter;
    const found = parameter.$ref
      .split("/")
      .slice(1)
      .reduce<unknown>(
        (part, name) =>
          (part as Readonly<Record<string, unknown>> | undefined)?.[
            name.replaceAll("~1", "/").replaceAll("~0", "~")
          ],
        this.#document,
      );
    return found ?? {};
  }
}

/** What a text with places in braces fits, each of them being `place`. */
export function patternOf(template: string, place: string): RegExp {
  const parts = template.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(place)}$`);
}

/** Pointers of the schemas of bodies and parameters. */
function schemasIn(part: unknown, at: string): readonly string[] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([name, value]) => {
    const place = `${at}/${encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))}`;
    return name === "schema" ? [place] : schemasIn(value, place);
  });
}
