// One prompt process: a child that answers one question at a time, and ends where an answer takes too long or too much.
import { spawn } from "node:child_process";
import { createMessageReader, encodeMessage } from "../shared/json-lines.ts";
import { startCpuClock } from "../shared/cpu-clock.ts";
import { limitMemory } from "../shared/memory-limit.ts";
import { childEnvironment, exitReason, forEachLine, onEnd } from "../shared/subprocess.ts";
import { fromWireError } from "../shared/wire-error.ts";
import type { Answers, FromPromptProcess, PromptQuestion, ToPromptProcess } from "./protocol.ts";

export interface PromptProcessOptions {
  /** The program and its arguments: something that ends in `hostPrompts`. */
  command: () => { program: string; args: string[]; env?: Record<string, string> };
  /** The whole environment of the server; the child gets what `childEnvironment` lets through. */
  env: Record<string, string | undefined>;
  /** Takes each line of the child's standard error. */
  log: (line: string) => void;
  /** Bytes that the child may take. */
  memory: number;
}

/** Why a process ended: it was stopped for its time or its memory, it could not be started, or it ended by itself. */
export class PromptProcessEnd extends Error {
  override readonly name = "PromptProcessEnd";
  readonly reason: "time" | "memory" | "start" | "crash";
  /** What it has written on standard error since the last question. */
  readonly lines: readonly string[];

  constructor(reason: PromptProcessEnd["reason"], how: string, lines: readonly string[]) {
    super(how);
    this.reason = reason;
    this.lines = lines;
  }
}

export type PromptProcess = ReturnType<typeof startPromptProcess>;

// Tokens of a prompt, or its text.
const LONGEST_LINE = 64 * 1024 * 1024;
const CLOSE_MS = 2_000;

export function startPromptProcess({ command, env, log, memory }: PromptProcessOptions) {
  const { program, args, env: extra } = command();
  const child = spawn(program, args, {
    env: { ...childEnvironment(env), ...extra },
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
  });
  const ended = Promise.withResolvers<void>();
  let end: PromptProcessEnd | undefined;
  let waiting: { id: number; settle: PromiseWithResolvers<unknown>; rendered: () => void } | undefined;
  let next_id = 0;
  let lines: string[] = [];
  /** What llama.cpp says of a grammar quotes it, and no log holds what clients write. */
  let quiet = false;

  const stop = (reason: PromptProcessEnd["reason"], how: string): void => {
    end ??= new PromptProcessEnd(reason, how, lines);
    child.kill("SIGKILL");
  };
  const finish = (reason: PromptProcessEnd["reason"], how: string): void => {
    end ??= new PromptProcessEnd(reason, how, lines);
    stopLooking();
    waiting?.settle.reject(end);
    ended.resolve();
  };
  const receive = (message: FromPromptProcess): void => {
    if (message.request_id !== waiting?.id) return;
    if (message.type === "rendered") waiting.rendered();
    else if (message.type === "answer") waiting.settle.resolve(message.answer);
    else waiting.settle.reject(fromWireError(message.error));
  };
  const stopLooking = limitMemory(child.pid, { bytes: memory, onExceeded: () => stop("memory", "too much memory") });
  const read = createMessageReader(receive, LONGEST_LINE);
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    try {
      read(text);
    } catch (error) {
      stop("crash", `a line that is not a message (${(error as Error).message})`);
    }
  });
  forEachLine(child.stderr, (line) => {
    lines.push(line);
    if (!quiet) log(line);
  });
  // Writing to a child that has ended is no error of its own: `exit` follows.
  child.stdin.on("error", () => {});
  child.on("error", ({ message }) => finish("start", message));
  onEnd(child, (code, signal) => finish("crash", exitReason(code, signal)));

  const send = (message: ToPromptProcess): void => {
    if (child.stdin.writable) child.stdin.write(encodeMessage(message));
  };

  return {
    get ended(): boolean {
      return end !== undefined;
    },
    /** What the child has written on standard error since the last question. */
    lines: (): readonly string[] => lines,
    /**
     * `limits`: milliseconds of computing for the answer, and those behind its first half where there are two. Throws what the child answers with, and
     * `PromptProcessEnd`. The last question must have been answered.
     */
    async ask<Type extends PromptQuestion["type"]>(
      question: Extract<PromptQuestion, { type: Type }>,
      [first, second = first]: readonly [number, number?],
    ): Promise<Answers[Type]> {
      if (end !== undefined) throw end;
      const id = next_id++;
      const settle = Promise.withResolvers<unknown>();
      const startClock = (ms: number) => startCpuClock(child.pid, ms, () => stop("time", `more than ${ms / 1000} s`));
      let stopClock = startClock(first);
      const rendered = (): void => {
        stopClock();
        stopClock = startClock(second);
      };
      lines = [];
      quiet = question.type === "grammar";
      waiting = { id, settle, rendered };
      try {
        send({ ...question, request_id: id });
        return (await settle.promise) as Answers[Type];
      } finally {
        stopClock();
        waiting = undefined;
      }
    },
    forget: (model: number): void => send({ type: "close", model }),
    async close(): Promise<void> {
      child.stdin.end();
      const late = setTimeout(() => child.kill("SIGKILL"), CLOSE_MS);
      await ended.promise;
      clearTimeout(late);
    },
  };
}
