// `npm run docs`: writes what is made from the code.
import { writeFileSync } from "node:fs";
import { configurationPage } from "./configuration.ts";
import { parametersPage } from "./parameters.ts";
import { runtimesPage } from "./runtimes.ts";

for (const { path, current } of [configurationPage(), await parametersPage(), runtimesPage()]) writeFileSync(path, current);
