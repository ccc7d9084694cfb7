export type RuntimeName = "bun" | "node" | "deno";
export declare const RUNTIMES: readonly RuntimeName[];
export declare function findRuntime(name: RuntimeName): [binary: string, ...flags: string[]] | undefined;
export declare function runtimeEnv(name: RuntimeName): Record<string, string>;
