// Thoughts are taken out of the text of an answer, wherever its pieces are cut.
import { describe, expect, test } from "bun:test";
import type { ThoughtMarkers } from "../../adapters/prompts.ts";
import {
  endOfThoughts,
  opensThoughts,
  thoughtPlace,
  type ThoughtPlace,
  thoughtTokens,
} from "../../adapters/shared/reasoning/thought-place.ts";
import { createThoughtReader } from "../../adapters/shared/reasoning/thought-reader.ts";

const QWEN: ThoughtMarkers = {
  ...{ begin: "<think>", end: "</think>", close: "\n</think>\n\n", skip: "<think>\n\n</think>\n\n" },
};
const GPT_OSS: ThoughtMarkers = {
  ...{ begin: "<|channel|>analysis<|message|>", end: "<|end|>", next: "<|start|>assistant" },
  ...{ close: "<|end|><|start|>assistant<|channel|>final<|message|>", skip: "<|channel|>final<|message|>" },
  text_begins: ["<|channel|>final<|message|>", "<|channel|>commentary<|message|>"],
};
const COHERE: ThoughtMarkers = {
  ...{ begin: "<|START_THINKING|>", end: "<|END_THINKING|>", close: "<|END_THINKING|><|START_TEXT|>" },
  ...{ skip: "<|START_THINKING|><|END_THINKING|>", text_begins: ["<|START_TEXT|>"] },
  text_end: { mark: "<|END_TEXT|>", rest: "<|END_OF_TURN_TOKEN|>" },
};
const APRIEL: ThoughtMarkers = {
  ...{ begin: "Here are my reasoning steps:", end: "[BEGIN FINAL RESPONSE]" },
  ...{ close: "\n[BEGIN FINAL RESPONSE]\n", skip: "" },
};

function readIn(markers: ThoughtMarkers, place: ThoughtPlace, pieces: string[]): [thoughts: string, text: string] {
  const reader = createThoughtReader(markers, place);
  const read = [...pieces.flatMap((piece) => reader.read(piece)), ...reader.rest()];
  const textOf = (wanted: string) => read.map(({ type, text }) => (type === wanted ? text : "")).join("");
  expect(read.every(({ text }) => text !== "")).toBe(true);
  return [textOf("reasoning"), textOf("text")];
}

/** Whole, by characters, and cut in two everywhere. */
function read(markers: ThoughtMarkers, place: ThoughtPlace, text: string): [string, string] {
  const whole = readIn(markers, place, [text]);
  expect(readIn(markers, place, [...text])).toEqual(whole);
  for (let at = 1; at < text.length; at++) expect(readIn(markers, place, [text.slice(0, at), text.slice(at)])).toEqual(whole);
  return whole;
}

const FENCED = "See:\n```xml\n<think>a</think>\n```\nand `<think>`, and\n a <think> in a line";

const ANSWERS: [what: string, ThoughtMarkers, ThoughtPlace, answer: string, thoughts: string, text: string][] = [
  ["thoughts and a text", QWEN, "not said", "<think>\nHm, 2 < 3.\n</think>\n\nYes.\n", "Hm, 2 < 3.", "Yes.\n"],
  ["thoughts that the prompt opens", QWEN, "opened", "\nHm.\n\nSo.\n</think>\n\nYes.", "Hm.\n\nSo.", "Yes."],
  ["a text alone", QWEN, "not said", "Yes, a <b>.", "", "Yes, a <b>."],
  ["a text that begins like a marker", QWEN, "not said", "<thing>", "", "<thing>"],
  ["a text that is the beginning of a marker", QWEN, "not said", "<thi", "", "<thi"],
  ["no thoughts between the markers", QWEN, "not said", "<think>\n\n</think>\n\nYes.", "", "Yes."],
  ["the end alone", QWEN, "not said", "</think>Yes.", "", "Yes."],
  ["thoughts that never end", QWEN, "opened", "Hm. </thin", "Hm. </thin", ""],
  ["nothing", QWEN, "opened", "", "", ""],
  ["thoughts with another beginning in them", QWEN, "opened", "a <think> b</think>c", "a <think> b", "c"],
  ["two blocks behind each other", QWEN, "not said", "<think>a</think>\n<think>b</think>\nc", "a\n\nb", "c"],
  ["a second block behind a text", QWEN, "opened", "a</think>b\n\n<think>\nc\n</think>\n\nd", "a\n\nc", "b\n\nd"],
  ["markers in code and within a line", QWEN, "opened", `a</think>${FENCED}`, "a", FENCED],
  ["thoughts that go on", QWEN, "in thoughts", " and\n so on.\n</think>\n\nYes.", " and\n so on.", "Yes."],
  ["a text that goes on", QWEN, "in text", " and\n so on", "", " and\n so on"],
  ["channels", GPT_OSS, "not said", `<|channel|>analysis<|message|>Hm.${GPT_OSS.close}Yes.`, "Hm.", "Yes."],
  [
    "a call in a channel of texts",
    ...([GPT_OSS, "not said"] as const),
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.",
    ...(["Hm.", "to=functions."] as const),
  ],
  ["a channel of a text alone", GPT_OSS, "not said", "<|channel|>final<|message|>Yes.", "", "Yes."],
  [
    "a text between channels",
    ...([GPT_OSS, "not said"] as const),
    `<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>analysis<|message|>Hm.${GPT_OSS.close}Yes.`,
    ...(["Hm.", "I look.Yes."] as const),
  ],
  ["marks around a text", COHERE, "opened", "Hm.<|END_THINKING|><|START_TEXT|>Yes.<|END_TEXT|>", "Hm.", "Yes."],
  ["what follows such a text", COHERE, "opened", `Hm.${COHERE.close}Yes.<|END_TEXT|><|END_OF_TURN`, "Hm.", "Yes."],
  ["more behind such a text", COHERE, "opened", `${COHERE.close}Yes.<|END_TEXT|><|START_ACTION|>`, "", "Yes.<|START_ACTION|>"],
  ["sentences for markers", APRIEL, "opened", "Hm.\n[BEGIN FINAL RESPONSE]\nYes [B].", "Hm.", "Yes [B]."],
];

describe("of an answer are read", () => {
  for (const [what, markers, place, answer, thoughts, text] of ANSWERS)
    test(what, () => expect(read(markers, place, answer)).toEqual([thoughts, text]));
});

test("are told as soon as they are sure", () => {
  const reader = createThoughtReader(QWEN, "opened");
  expect([reader.read("Hm"), reader.thinking]).toEqual([[{ type: "reasoning", text: "Hm" }], true]);
  expect(reader.read(". \n")).toEqual([{ type: "reasoning", text: "." }]);
  expect(reader.read("So </")).toEqual([{ type: "reasoning", text: " \nSo" }]);
  expect([reader.read("think>\n\nYes"), reader.thinking]).toEqual([[{ type: "text", text: "Yes" }], false]);
  expect(reader.read(".")).toEqual([{ type: "text", text: "." }]);
});

describe("where an answer begins", () => {
  test("is seen at the end of its prompt", () => {
    expect(opensThoughts("user\n</think><|im_end|>\nassistant\n<think>\n", QWEN)).toBe("opened");
    expect(opensThoughts("assistant\n<think>\n\n</think>\n\n", QWEN)).toBe("closed");
    expect(opensThoughts("user\n<think><|im_end|>\nassistant\n", QWEN)).toBe("not said");
    expect(opensThoughts("<|start|>assistant<|channel|>final<|message|>", GPT_OSS)).toBe("closed");
  });

  test("is seen in the message that it goes on with", () => {
    const place = (message: object) =>
      thoughtPlace({ messages: [{ role: "assistant", content: "", ...message }] }, "assistant\n", QWEN);
    expect(place({ content: "Yes" })).toBe("in text");
    expect(place({ content: "<think>\nHm" })).toBe("in thoughts");
    expect(place({ content: "<think>\nHm</think>Yes" })).toBe("in text");
    expect(place({ reasoning_content: "Hm" })).toBe("in thoughts");
    expect(place({})).toBe("not said");
    expect(thoughtPlace({ messages: [{ role: "user", content: "<think>" }] }, "<think>", QWEN)).toBe("opened");
  });
});

test("end with what the template writes there", () => {
  const end = (markers: ThoughtMarkers, calls = false) =>
    (["opened", "not said", "closed", "in text"] as const).map((place) => endOfThoughts(markers, place, calls));
  expect(end(QWEN)).toEqual(["\n</think>\n\n", "<think>\n\n</think>\n\n", "", ""]);
  expect(end(QWEN, true)).toEqual(end(QWEN));
  expect(end(GPT_OSS)).toEqual([GPT_OSS.close, GPT_OSS.skip, "", ""]);
  const open_end = "<|end|><|start|>assistant";
  expect(end(GPT_OSS, true)).toEqual([open_end, GPT_OSS.begin + open_end, "", ""]);
  expect(end(COHERE, true)).toEqual(["<|END_THINKING|>", COHERE.skip, "", ""]);
});

test("need the names in their markers to be shown", () => {
  expect(thoughtTokens(QWEN)).toEqual(["<think>", "</think>"]);
  expect(thoughtTokens(GPT_OSS)).toEqual([
    ...["<|channel|>analysis<|message|>", "<|channel|>", "<|message|>", "<|end|>", "<|start|>assistant", "<|start|>"],
    ...["<|channel|>final<|message|>", "<|channel|>commentary<|message|>"],
  ]);
});
