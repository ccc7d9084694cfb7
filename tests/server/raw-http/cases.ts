// All cases of raw HTTP, by what they are about.
import { BODIES } from "./bodies.ts";
import type { RawCase } from "./case.ts";
import { CONNECTIONS } from "./connections.ts";
import { HEADERS } from "./headers.ts";
import { METHODS } from "./methods.ts";
import { TARGETS } from "./targets.ts";

export const RAW_CASES: Record<string, RawCase[]> = {
  targets: TARGETS,
  headers: HEADERS,
  methods: METHODS,
  bodies: BODIES,
  connections: CONNECTIONS,
};
