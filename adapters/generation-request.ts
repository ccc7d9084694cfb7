// What requests for a generated text have in common, with the wire's names, every default already filled in.

export interface GenerationRequest {
  /** Tokens of the answer, at least 1; the context bounds it. */
  max_tokens: number;
  /** 0 is greedy. */
  temperature: number;
  /** 0 is greedy, 1 is off. */
  top_p: number;
  /** 0 is off. */
  top_k: number;
  /** 0 is off. */
  min_p: number;
  /** 1 is off. Over the answer so far, as the other two penalties. */
  repeat_penalty: number;
  frequency_penalty: number;
  presence_penalty: number;
  /** Never empty strings; none of them appears in the answer. */
  stop: string[];
  /** 32 bits. */
  seed: number;
  /** The same request on an idle engine shall give the same answer: what a slot holds is reused only where that is so. */
  repeatable: boolean;
  /**
   * Whose prompts it may find read already, and who may find this one: a digest of the client's API key, empty without one. What a slot or a
   * file holds for another scope is never compared with it, as counts and times would tell what others have said.
   */
  cache_scope: string;
  /** False: the whole prompt is read anew, whatever a slot or a file holds of it. */
  cache_prompt?: boolean;
  /** Values above that are ingle's defaults: an upstream server may have better ones. */
  unasked?: readonly Unasked[];
  /** Capability of the same name. Answers, 2 to 8; so many of them at once as the caller has slots for. Absent: one. */
  choices?: { count: number; at_once: number };
  /** Capability of the same name: the answer is JSON, of that schema where there is one. */
  response_format?:
    | { type: "json_object" }
    | { type: "json_schema"; json_schema: { name: string; description?: string; schema: object; strict?: boolean } }
    /** Capability `patterns`, as the next one: the expression matches the whole answer. */
    | { type: "regex"; regex: string }
    /** The answer is one of these texts, and not empty. */
    | { type: "choice"; choice: string[] };
  /** Capability of the same name: in llama.cpp's GBNF. */
  grammar?: string;
  /** Capability of the same name: every token with its probability, and with so many of its likeliest rivals. */
  logprobs?: { top: number };
  /** Capability of the same name: by token id, from -100 to 100. */
  logit_bias?: Record<string, number>;
  /** Capability of the same name: llama.cpp's further settings by its own names, `mirostat` and so on. */
  samplers?: Record<string, unknown>;
  /** Parameters that bind nothing, as the client sent them: another server may honour them. */
  hints?: Record<string, unknown>;
}

export type Unasked = "max_tokens" | "temperature" | "top_p" | "top_k" | "min_p" | "repeat_penalty" | "seed";
