// When adapters are asked what models can, by a fake one that counts: once, one model at a time, and by nobody who waits.
import { describe, expect, test } from "bun:test";
import type { Adapter } from "../../adapters/adapter.ts";
import { echo } from "../../adapters/echo.ts";
import type { Model, TemplateNote } from "../../models/manifest.ts";
import { createTemplateNotes, type TemplateNotesOptions } from "../../src/inference/template-notes.ts";
import { makeApp, makeModel, resolve } from "../support/app.ts";

const RELEASES = { llama_cpp: "b1", ingle: "1.0" };
const FOUND = { tool_calls: "native", reasoning: true, template: "t" } as const;

function makeNotes(templateAbilities?: Adapter["templateAbilities"], more: Partial<TemplateNotesOptions> = {}) {
  const asked: string[] = [];
  const kept: [string, TemplateNote][] = [];
  const lines: string[] = [];
  const notes = createTemplateNotes({
    library: {
      resolve: async (model) => resolve(model),
      noteTemplate: async ({ id }, note) => void kept.push([id, note]),
    },
    adapterOf: () =>
      templateAbilities === undefined
        ? {}
        : {
            templateAbilities(model, signal) {
              asked.push(model.id);
              return templateAbilities(model, signal);
            },
          },
    releases: () => RELEASES,
    log: { info: (line) => void lines.push(line), warn: (line) => void lines.push(line) },
    background: true,
    ...more,
  });
  return { notes, asked, kept, lines };
}

const noted = (more: Partial<TemplateNote> = {}): Model =>
  makeModel("tiny", { template_abilities: { ...FOUND, ...RELEASES, ...more } });

/** What follows promises that are settled has run. */
const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 0));

describe("what a model can", () => {
  test("is what its record says of these releases, and is not asked for again", async () => {
    const { notes, asked } = makeNotes(async () => FOUND);
    expect(notes.of(noted())).toMatchObject(FOUND);
    notes.ask(noted());
    expect((await notes.withNote(noted())).template_abilities).toEqual({ ...FOUND, ...RELEASES });
    for (const other of [{ llama_cpp: "b2" }, { ingle: "1.1" }]) expect(notes.of(noted(other))).toBeUndefined();
    expect(asked).toEqual([]);
  });

  test("is asked for once, by all who want to know it, and kept", async () => {
    const { notes, asked, kept } = makeNotes(async () => FOUND);
    notes.ask(makeModel("tiny"));
    notes.ask(makeModel("tiny"));
    const [one, other] = await Promise.all([notes.withNote(makeModel("tiny")), notes.withNote(noted({ ingle: "0.9" }))]);
    expect([one.template_abilities, other.template_abilities]).toEqual([
      { ...FOUND, ...RELEASES },
      { ...FOUND, ...RELEASES },
    ]);
    expect([asked, kept[0]]).toEqual([["tiny"], ["tiny", { ...FOUND, ...RELEASES }]]);
  });

  test("is asked for again where its files are others", async () => {
    const { notes, asked } = makeNotes(async () => FOUND);
    await notes.withNote(makeModel("tiny"));
    await notes.withNote(makeModel("tiny", { files: [{ name: "other.gguf", sources: [] }] }));
    await notes.withNote(makeModel("tiny", { settings: { prompt_template: "{prompt}" } }));
    expect(asked).toEqual(["tiny", "tiny", "tiny"]);
  });

  test("that cannot be found out is asked for once, and no request fails for it", async () => {
    const { notes, asked, kept, lines } = makeNotes(async () => {
      throw new Error("no process");
    });
    const model = makeModel("tiny");
    expect(await notes.withNote(model)).toBe(model);
    notes.ask(model);
    await settled();
    expect([asked, kept, lines]).toEqual([["tiny"], [], ["what a template can was not found"]]);
  });

  test("is asked for of one model at a time", async () => {
    const first = Promise.withResolvers<typeof FOUND>();
    const { notes, asked } = makeNotes(async ({ id }) => (id === "one" ? first.promise : FOUND));
    for (const id of ["one", "two"]) notes.ask(makeModel(id));
    await settled();
    expect(asked).toEqual(["one"]);
    first.resolve(FOUND);
    await settled();
    expect(asked).toEqual(["one", "two"]);
  });

  test("is asked for at once where a request needs it", async () => {
    const { notes, asked } = makeNotes(({ id }) => (id === "one" ? new Promise(() => {}) : Promise.resolve(FOUND)));
    for (const id of ["one", "two"]) notes.ask(makeModel(id));
    await settled();
    expect((await notes.withNote(makeModel("two"))).template_abilities).toMatchObject(FOUND);
    expect(asked).toEqual(["one", "two"]);
  });

  test("is asked of nobody where other servers run the model, and where the adapter has no templates", async () => {
    const { notes, asked } = makeNotes(async () => FOUND);
    const model = makeModel("far", { files: [], upstream: { urls: ["http://a/v1"] } });
    expect([await notes.withNote(model), notes.of(model), asked]).toEqual([model, undefined, []]);
    const none = makeNotes();
    const tiny = makeModel("tiny");
    expect([await none.notes.withNote(tiny), none.kept, none.lines]).toEqual([tiny, [], []]);
  });

  test("is not asked for in the background by a command that ends soon", async () => {
    const { notes, asked } = makeNotes(async () => FOUND, { background: false });
    notes.ask(makeModel("tiny"));
    await settled();
    expect(asked).toEqual([]);
    expect((await notes.withNote(makeModel("tiny"))).template_abilities).toMatchObject(FOUND);
  });

  test("ends to be asked for when the server stops", async () => {
    const { notes, asked, lines } = makeNotes(
      (_model, signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    );
    for (const id of ["one", "two"]) notes.ask(makeModel(id));
    await settled();
    await notes.close();
    expect([asked, lines]).toEqual([["one"], []]);
  });
});

describe("an answer about models", () => {
  test("does not wait for it, and the next one has it", async () => {
    const found = Promise.withResolvers<typeof FOUND>();
    const adapter = { ...echo(), templateAbilities: () => found.promise };
    const made = makeNotes(adapter.templateAbilities, { library: { resolve: async (model) => resolve(model), noteTemplate } });
    const app = makeApp({ adapter, templates: made.notes });
    async function noteTemplate(model: Model, note: TemplateNote): Promise<void> {
      await app.library.noteTemplate(model, note);
    }
    const list = async () => ((await (await app.request("/v1/models")).json()) as { data: object[] }).data[0];
    expect(await list()).not.toHaveProperty("tool_calls");
    found.resolve(FOUND);
    await made.notes.withNote(makeModel("tiny"));
    expect(await list()).toMatchObject({ tool_calls: "native", reasoning: true });
    const one = await (await app.request("/v1/models/tiny")).json();
    expect(one).toMatchObject({ tool_calls: "native", reasoning: true });
    expect(one).not.toHaveProperty("template_abilities");
  });

  test("of a model that is not here has none, and nothing is asked for it", async () => {
    const { notes, asked } = makeNotes(async () => FOUND);
    const { request } = makeApp({ models: [], templates: notes });
    await (await request("/v1/models?catalog=true")).json();
    await settled();
    expect(asked).toEqual([]);
  });
});
