// What listen/bun.ts needs of Bun, for `deno task check` alone: Bun's own types give Deno a second, different `URL`.
declare namespace Bun {
  interface Server {
    port: number | undefined;
    requestIP(request: Request): { address: string; port: number } | null;
    timeout(request: Request, seconds: number): void;
    closeIdleConnections(): void;
    stop(cut?: boolean): Promise<void>;
  }

  function serve(options: {
    hostname: string;
    port: number;
    reusePort: boolean;
    development: boolean;
    idleTimeout: number;
    maxRequestBodySize: number;
    fetch(request: Request, server: Server): Response | Promise<Response>;
    error(error: Error): Response;
  }): Server;
}
