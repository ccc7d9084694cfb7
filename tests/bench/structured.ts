// `npm run bench:structured`: what schemas cost.
import { cpus } from "node:os";
import { grammarBuilds } from "./structured/grammar-builds.ts";

console.log(cpus()[0]?.model ?? "an unknown processor");
console.table(grammarBuilds());
