// What every runtime starts. The program is imported once its packages are there.
import { installIfBare } from "./launch/first-start.mjs";

await installIfBare();
await import("./cli/main.ts");
