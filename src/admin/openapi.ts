/** /openapi.json: the table of paths as OpenAPI 3.1. */
import { errorCatalogue, type ErrorCode } from "../errors.ts";
import { paths, type PathEntry } from "./paths.ts";
import { ErrorShape } from "./wireShapes.ts";

/** The whole description, ready to be sent. */
export function openApi(version: string): unknown {
  const byPath: Record<string, Record<string, unknown>> = {};
  for (const entry of paths) {
    const name = entry.path.replace(/:([A-Za-z]+)/g, "{$1}");
    byPath[name] = { ...byPath[name], [entry.method.toLowerCase()]: operation(entry) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Freshet", version, description: "Events in, fresh customer profiles out." },
    paths: byPath,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "A key as bearer token." },
        basic: { type: "http", scheme: "basic", description: "A key as user name, the password empty." },
        writeKey: { type: "apiKey", in: "header", name: "X-Write-Key" },
      },
      schemas: { Error: ErrorShape },
      responses: errorResponses(),
    },
  };
}

function operation(entry: PathEntry): unknown {
  const { contentType, schema, status = 200, orSame } = entry.answer;
  return {
    summary: entry.summary,
    operationId: operationId(entry),
    ...(entry.scope === null
      ? {}
      : {
          security: [{ bearer: [] }, { basic: [] }, ...(entry.scope === "write" ? [{ writeKey: [] }] : [])],
          description: `Needs the scope ${entry.scope}.`,
        }),
    parameters: [
      ...pathParameters(entry),
      ...parametersIn("query", entry.query),
      ...parametersIn("header", entry.headers),
    ],
    ...(entry.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { [entry.bodyType ?? "application/json"]: { schema: entry.body } },
          },
        }),
    responses: {
      [status]: {
        description: entry.summary,
        content: { [contentType]: schema === undefined ? {} : { schema } },
      },
      ...(orSame === true ? { "304": { description: "It is what the caller has already." } } : {}),
      default: {
        description: "An error.",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}

function operationId({ method, path }: PathEntry): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== "" && word !== "v1");
  return [method.toLowerCase(), ...words]
    .map((word, index) => (index === 0 ? word : `${word.charAt(0).toUpperCase()}${word.slice(1)}`))
    .join("");
}

function pathParameters({ path }: PathEntry): unknown[] {
  return [...path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
    description:
      name === "id"
        ? "type:value, split at the first colon, the value percent-encoded: user_id:42"
        : "as the client sent it, percent-encoded",
  }));
}

function parametersIn(place: "query" | "header", given: PathEntry["headers"] = {}): unknown[] {
  return Object.entries(given).map(([name, description]) => ({
    name,
    in: place,
    required: false,
    schema: { type: "string" },
    description,
  }));
}

function errorResponses(): Record<string, unknown> {
  const codes = Object.keys(errorCatalogue) as ErrorCode[];
  return Object.fromEntries(
    codes.map((code) => [
      code,
      {
        description: `${errorCatalogue[code].status}: ${errorCatalogue[code].message} ${errorCatalogue[code].hint}`,
      },
    ]),
  );
}
