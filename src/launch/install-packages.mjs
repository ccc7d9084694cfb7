// Fills node_modules for the runtime that runs this file: `first-start.mjs` starts it where ingle is run without the launcher.
import { install } from "./install.mjs";

const { bun, deno } = process.versions;
process.exit(install({ runtime: bun ? "bun" : deno ? "deno" : "node" }));
