#!/usr/bin/env node
// The command `ingle`: in a clone it runs the sources, in a package what was built of them.
import { existsSync } from "node:fs";

const sources = new URL("./ingle.mjs", import.meta.url);
await import(existsSync(sources) ? sources.href : new URL("../dist/lib/src/ingle.mjs", import.meta.url).href);
