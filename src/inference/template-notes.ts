// What models can do by their chat templates: asked of their adapters before a load, and kept in the records. No list and no start waits for it.
import type { Adapter } from "../../adapters/adapter.ts";
import type { InstalledModel, Model, TemplateAbilities, TemplateNote } from "../../models/manifest.ts";
import type { Log } from "../support/log/log.ts";

export interface TemplateNotes {
  /** What is known of the model; undefined where that is nothing, or was found by other releases. */
  of(model: Model): TemplateAbilities | undefined;
  /** Finds it out in the background, where it is not known: one model after the other. */
  ask(model: Model): void;
  /** The model with its note, which is asked for now where there is none; the same model where nothing can be found out. */
  withNote(model: Model): Promise<Model>;
  /** Keeps what a load has found. */
  keep(model: Model, abilities: TemplateAbilities): Promise<void>;
  /** Ends what is being asked. */
  close(): Promise<void>;
}

export interface TemplateNotesOptions {
  library: {
    resolve(model: Model): Promise<InstalledModel>;
    noteTemplate(model: Model, note: TemplateNote): Promise<void>;
  };
  adapterOf: (model: Model) => Pick<Adapter, "templateAbilities">;
  /** The releases whose code renders samples and reads them. */
  releases: () => { llama_cpp: string; ingle: string };
  log: Pick<Log, "info" | "warn">;
  /** False: this process ends soon, and asks for no more than what its requests need. */
  background: boolean;
}

export function createTemplateNotes({ library, adapterOf, releases, log, background }: TemplateNotesOptions): TemplateNotes {
  const closing = new AbortController();
  const asked = new Map<string, { files: string; answer: Promise<TemplateAbilities | undefined> }>();
  const queued = new Set<string>();
  let last: Promise<unknown> = Promise.resolve();

  const of = ({ template_abilities: note }: Model): TemplateAbilities | undefined => {
    const { llama_cpp, ingle } = releases();
    return note?.llama_cpp === llama_cpp && note.ingle === ingle ? note : undefined;
  };

  const keep = async (model: Model, abilities: TemplateAbilities): Promise<void> => {
    await library
      .noteTemplate(model, { ...abilities, ...releases() })
      .catch((cause) => log.warn("what a template can was not noted", { model: model.id, cause }));
  };

  const find = async (model: Model): Promise<TemplateAbilities | undefined> => {
    closing.signal.throwIfAborted();
    return adapterOf(model).templateAbilities?.(await library.resolve(model), closing.signal);
  };

  /** Asks once while the files of a model are the same: what fails here fails its load, which says why. */
  const answerFor = (model: Model): Promise<TemplateAbilities | undefined> => {
    const files = JSON.stringify([model.files, model.settings.prompt_template]);
    const known = asked.get(model.id);
    if (known?.files === files) return known.answer;
    const answer = find(model).catch((cause) => {
      if (!closing.signal.aborted) log.info("what a template can was not found", { model: model.id, cause });
      return undefined;
    });
    asked.set(model.id, { files, answer });
    return answer;
  };

  const needsNote = (model: Model): boolean => model.files.length > 0 && of(model) === undefined;

  const askAndKeep = async (model: Model): Promise<TemplateAbilities | undefined> => {
    const abilities = await answerFor(model);
    if (abilities !== undefined) await keep(model, abilities);
    return abilities;
  };

  return {
    of,
    ask(model) {
      const { id } = model;
      if (!background || !needsNote(model) || queued.has(id)) return;
      queued.add(id);
      last = last.then(() => askAndKeep(model)).then(() => queued.delete(id));
    },
    async withNote(model) {
      const abilities = needsNote(model) ? await askAndKeep(model) : undefined;
      return abilities === undefined ? model : { ...model, template_abilities: { ...abilities, ...releases() } };
    },
    keep,
    async close() {
      closing.abort(new Error("The server is stopping."));
      await last;
    },
  };
}
