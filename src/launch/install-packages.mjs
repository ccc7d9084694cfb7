// Fills node_modules for the runtime that runs this file: `npm run setup`, and what `first-start.mjs` starts where ingle is run without the
// launcher.
import { install } from "./install.mjs";

const { bun, deno } = process.versions;
process.exit(install({ again: true, ...(bun && { runtime: "bun" }), ...(deno && { runtime: "deno" }) }));
