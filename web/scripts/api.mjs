// The types of the API, out of its description. `--check` fails when they are stale.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import openapi, { astToString } from "openapi-typescript";

const source = new URL("../openapi.json", import.meta.url);
const target = fileURLToPath(new URL("../src/api/schema.d.ts", import.meta.url));

const head = "// Made from openapi.json by `npm run api`; not edited by hand.\n\n";
const made = head + astToString(await openapi(source));
if (!process.argv.includes("--check")) {
  writeFileSync(target, made);
} else if (!existsSync(target) || readFileSync(target, "utf8") !== made) {
  console.error("src/api/schema.d.ts is not what openapi.json says; run `npm run api`.");
  process.exit(1);
}
