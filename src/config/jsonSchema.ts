/** The JSON Schema of freshet.yaml, for editors. */
import { z } from "zod";
import { fileSchema } from "./configFile.ts";

/** Draft 2020-12. */
export function configJsonSchema(): unknown {
  const schema = z.toJSONSchema(fileSchema, {
    io: "input",
    override: ({ jsonSchema }) => {
      // Words for the command line's help and messages; nothing a validator knows.
      delete jsonSchema["placeholder"];
      delete jsonSchema["expected"];
      delete jsonSchema["reading"];
      delete jsonSchema["inFile"];
    },
  });
  return { title: "freshet.yaml", ...schema };
}
