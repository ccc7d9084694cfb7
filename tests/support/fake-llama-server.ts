// A stand-in for llama-server. The variable GGML_FAKE names what goes wrong: variables of llama.cpp are among the few that reach it. Its
// requests are written to the file that GGML_ASKED names.
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

type Send = (status: number, body: unknown, type?: string) => void;

const [fault = ""] = [process.env.GGML_FAKE];
if (process.argv.includes("--version")) {
  console.error("version: 0.0.0 (fake)");
  process.exit(0);
}
if (process.argv.includes("--list-devices")) {
  process.stdout.write(process.env.GGML_DEVICES ?? "Available devices:\n  (none)\n");
  process.exit(0);
}

const log = (level: string, text: string): void => console.error(`0.00.000.001 ${level} srv  llama_server: ${text}`);
const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const prompt_tokens = 3;

/** How a route writes a piece of text, and the end of an answer. */
interface Route {
  delta(content: string): string;
  end: string;
}
const COMPLETION: Route = {
  delta: (content) =>
    event({ index: 0, content, tokens: [5], stop: false, id_slot: -1, tokens_predicted: 1, tokens_evaluated: prompt_tokens }),
  end: event({
    ...{ index: 0, content: "", stop: true, stop_type: "eos" },
    ...{ tokens_evaluated: prompt_tokens, tokens_predicted: 2, "timings/cache_n": 1 },
  }),
};
const CHAT: Route = {
  delta: (content) => event({ choices: [{ index: 0, delta: { content }, finish_reason: null }] }),
  end:
    event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }) +
    event({ choices: [], usage: { prompt_tokens, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 1 } } }) +
    "data: [DONE]\n\n",
};
const TYPES: Record<number, string> = {
  400: "invalid_request_error",
  500: "server_error",
  501: "not_supported_error",
  503: "unavailable_error",
};
let answering = 0;
/** Plain kernels are right. */
const logprob = (): number => (fault === "computes wrong" && !process.argv.includes("--no-repack") ? -3 : -1);

const ANSWERS: Record<string, (send: Send, response: ServerResponse, body: string) => void> = {
  "/health": (send) => send(200, { status: "ok" }),
  "/props": (send) =>
    send(200, { total_slots: 1, default_generation_settings: { n_ctx: 512 }, chat_template_caps: { supports_tools: true } }),
  "/v1/models": (send) => send(200, { data: [{ meta: { n_vocab: 100 } }] }),
  // A start token, and one for each piece.
  "/tokenize"(send, _response, body) {
    const { content, with_pieces } = JSON.parse(body);
    const tokens = [1, ...[content].flat().flatMap((piece) => (piece === "" ? [] : piece === "<s>" ? [1] : [5]))];
    send(200, { tokens: with_pieces ? tokens.map((id) => ({ id, piece: "hello" })) : tokens });
  },
  // One that never frees its slot goes on with it, step by step.
  "/slots": (send) => send(200, [{ id: 0, id_task: 7, is_processing: answering > 0 || fault === "keeps slot", at: Date.now() }]),
  "/v1/chat/completions": (send, response) => answer(send, response, CHAT),
  "/completion"(send, response, body) {
    const { stream, prompt } = JSON.parse(body);
    if (stream) {
      held = [...prompt, 5];
      return answer(send, response, COMPLETION);
    }
    send(200, { completion_probabilities: Array.from({ length: 4 }, (_, id) => ({ id, logprob: logprob() })) });
  },
};

const FAULTS: Record<string, (response: ServerResponse, route: Route) => void> = {
  "": (response, { delta, end }) => response.end(delta("hello") + end),
  "breaks off": (response, { delta }) => {
    response.write(`${delta("hello")}data: {"choi`);
    setTimeout(() => response.destroy(), 50);
  },
  "ends early": (response, { delta }) => response.end(delta("hello")),
  garbage: (response) => response.end("data: segfault at 0x0\n\n"),
  "error frame": (response, { delta }) =>
    response.end(delta("hello") + event({ error: { code: 500, message: "Compute error.", type: "server_error" } })),
  aborts: (response, { delta }) => {
    response.write(delta("hello"));
    console.error("GGML_ASSERT(false) failed");
    setTimeout(() => process.abort(), 50);
  },
  "exits 137": (response, { delta }) => {
    response.write(delta("hello"));
    setTimeout(() => process.exit(137), 50);
  },
  hangs: (response, { delta }) => response.write(delta("hello")),
  "keeps slot": (response, { delta }) => response.write(delta("hello")),
  secrets: (response, { delta, end }) =>
    response.end(delta(`${process.argv.join(" ")} ${Object.keys(process.env).join(" ")}`) + end),
};

function answer(send: Send, response: ServerResponse, route: Route): void {
  const status = Number(/^status (\d+)$/.exec(fault)?.[1]);
  if (status) return send(status, { error: { code: status, message: "No.", type: TYPES[status] ?? "other_error" } });
  if (fault === "html") return send(502, "<html>Bad gateway</html>", "text/html");
  if (fault === "wrong type") return send(200, { choices: [] });
  answering++;
  response.on("close", () => answering--);
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.on("error", () => {});
  (FAULTS[fault] ?? FAULTS[""]!)(response, route);
}

/** Saves or restores; a fault such as `save hangs` names the action that goes wrong, and how. */
function act(action: string, filename: string, send: Send): void {
  const path = join(process.argv[process.argv.indexOf("--slot-save-path") + 1]!, filename);
  const what = fault.startsWith(`${action} `) ? fault.slice(action.length + 1) : "";
  if (what === "fails") return send(500, { error: { code: 500, message: "Unable to save slot", type: "server_error" } });
  if (what === "hangs") return;
  if (what === "garbage") return send(200, { n_saved: "many" });
  if (what === "html") return send(200, "<html>", "text/html");
  if (what === "dies") {
    writeFileSync(path, "half of it");
    process.exit(137);
  }
  if (action === "restore") return send(200, { id_slot: 0, filename, n_restored: readFileSync(path).readUInt32LE(20) });
  const bytes = stateFile(what === "writes other tokens" ? held.slice(1) : held);
  writeFileSync(path, what === "is cut" ? bytes.subarray(0, 1_000) : bytes);
  send(200, { id_slot: 0, filename, n_saved: held.length, n_written: bytes.length });
}

/** The tokens of the slot: of the latest prompt, and one of its answer. */
let held: number[] = [];

/** A file as llama-server writes it, but without layers: of two slots the second has cells. */
function stateFile(tokens: number[]): Uint8Array {
  const packed = [0xffffffff, 1, tokens.length, ...tokens, 0];
  const cells = tokens.flatMap((_, i) => [i, 1, 1]);
  return new Uint8Array(Uint32Array.from([0x67677371, 3, packed.length, ...packed, 2, 0, tokens.length, ...cells]).buffer);
}

const server = createServer((request, response) => {
  const send: Send = (status, body, type = "application/json") => {
    response.writeHead(status, { "content-type": type });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };
  if (request.url !== "/health" && request.headers.authorization !== `Bearer ${process.env.LLAMA_API_KEY}`) {
    return send(401, { error: { message: "Invalid API Key", type: "authentication_error", code: 401 } });
  }
  let body = "";
  request.setEncoding("utf8").on("data", (text) => (body += text));
  request.on("end", () => {
    if (process.env.GGML_ASKED) appendFileSync(process.env.GGML_ASKED, `${request.url} ${body}\n`);
    const action = /^\/slots\/0\?action=(save|restore)$/.exec(request.url!)?.[1];
    if (action !== undefined) act(action, JSON.parse(body).filename, send);
    else ANSWERS[request.url!]!(send, response, body);
  });
});

log("I", "initializing ...");
if (fault === "no memory") {
  console.error("0.00.000.002 E ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 99");
  process.exit(1);
}
if (fault === "bad file") {
  log("E", `failed to load model '${process.argv[process.argv.indexOf("--model") + 1]}'`);
  process.exit(1);
}
if (fault === "killed while loading") process.kill(process.pid, "SIGKILL");
if (fault === "port taken") {
  console.error("0.00.000.002 E srv         start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 0");
  process.exit(1);
}
if (fault !== "never ready") log("I", "load_model: initializing, n_slots = 1");
const own_template = !process.argv.includes("chatml");
if (fault === "crashes at template" && own_template) process.abort();
if (fault === "never ready" || (fault === "hangs at template" && own_template)) setInterval(() => {}, 1e6);
else {
  log("I", "model loaded");
  server.listen(0, "127.0.0.1", () => log("I", `listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`));
}
process.on("SIGTERM", () => {
  if (fault !== "hangs") process.exit(0);
});
