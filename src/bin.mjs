#!/usr/bin/env node
// The command `ingle`: runs the sources in a clone, and the built files in a package.
import { existsSync } from "node:fs";

const sources = new URL("./ingle.mjs", import.meta.url);
await import(existsSync(sources) ? sources.href : new URL("../dist/lib/src/ingle.mjs", import.meta.url).href);
