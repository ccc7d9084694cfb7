// What is known of the embedded engine without loading it: the server runs it in a child and need not read its code.
import type { Adapter } from "../adapter.ts";

export const ABOUT: Pick<Adapter, "name" | "capabilities"> = { name: "node-llama-cpp", capabilities: () => [] };
