// `npm run docs:viewer`: writes src/ui/openapi-explorer.ts, the viewer of the reference as its npm package has it.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { VIEWER_VERSION } from "../../src/ui/viewer-version.ts";
import { fetchNpmPackage } from "../compile/npm-package.ts";

const folder = fetchNpmPackage("openapi-explorer", VIEWER_VERSION);
const script = readFileSync(join(folder, "dist/browser/openapi-explorer.min.js"));
const text = `// Written by \`npm run docs:viewer\`: openapi-explorer ${VIEWER_VERSION} of Authress Engineering, under the Apache License 2.0.
// https://github.com/Authress-Engineering/openapi-explorer

/** The sum of the script as it is in the package. */
export const VIEWER_SHA256 = "${createHash("sha256").update(script).digest("hex")}";

/** The script, packed by gzip, in base64: a module is what each way of building ingle carries along. */
export const VIEWER: string =
  "${gzipSync(script, { level: 9 }).toString("base64")}";
`;
writeFileSync(join(import.meta.dirname, "../../src/ui/openapi-explorer.ts"), text);
