export type RuntimeName = "bun" | "node" | "deno";
export declare const RUNTIMES: readonly RuntimeName[];
export declare function findRuntime(name: RuntimeName): [binary: string, ...flags: string[]] | undefined;
export declare function runtimesToInstall(chosen?: RuntimeName): RuntimeName[];
export declare function findOnPath(name: string): string | undefined;
export declare function runtimeEnv(name: RuntimeName): Record<string, string>;
