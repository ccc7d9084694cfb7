// A file at an address of its own.
import * as v from "valibot";
import { webSource } from "./web-source.ts";

export const urlSource = webSource({
  schema: v.object({ type: v.literal("url"), url: v.pipe(v.string(), v.url()) }),
  describe: ({ url }) => new URL(url).host,
  locate: ({ url }) => ({ url }),
  addressOf: ({ url }) => url,
});
