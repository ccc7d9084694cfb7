// `npm run docs`: writes the tables that are made from the code.
import { writeFileSync } from "node:fs";
import { configurationPage } from "./configuration.ts";
import { parametersPage } from "./parameters.ts";

for (const { path, current } of [configurationPage(), parametersPage()]) writeFileSync(path, current);
