// `bun scripts/configDocs.ts`: writes docs/configuration.md from the schema of the options.

import { join } from "node:path";
import { referencePage } from "../src/config/referencePage.ts";

await Bun.write(join(import.meta.dir, "../docs/configuration.md"), referencePage());
