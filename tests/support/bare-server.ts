// llama-server itself, without ingle around it: what its answers are compared with.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { freePort } from "./free-port.ts";
import { eventually } from "./server.ts";

/** `more`: further arguments, which outdo those that it has anyhow. */
export async function startBareServer(program: string, model: string, more: string[] = []) {
  const port = await freePort();
  const args = ["-m", model, "--port", String(port), "--jinja", "-c", "512", "-np", "1", "--no-webui", "--threads", "1", ...more];
  const child = spawn(program, args, { stdio: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  const isReady = (): Promise<boolean> =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually("llama-server is ready", isReady);
  return {
    async post(path: string, body: object): Promise<unknown> {
      return (await fetch(url + path, { method: "POST", body: JSON.stringify(body) })).json();
    },
    async kill(): Promise<void> {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}
