// What is known of other servers without loading the code that speaks to them.
import { CAPABILITIES, type Adapter } from "../adapter.ts";

/** Each server refuses what it cannot do by itself, and the client gets that refusal. */
export const ABOUT: Pick<Adapter, "name" | "capabilities"> = { name: "upstream", capabilities: () => CAPABILITIES };
