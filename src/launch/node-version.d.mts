export declare const NEEDED_NODE: string;
export declare function isNodeThatFits(): boolean;
export declare function requireNode(): void;
export declare function fits(version: string): boolean;
