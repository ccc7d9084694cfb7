// llama.cpp's own reader of grammars: whether it takes a whole text.
import { getLlama } from "node-llama-cpp";

interface GrammarAddon {
  AddonGrammar: new (
    gbnf: string,
    options: { addonExports: GrammarAddon; rootRuleName: string },
  ) => {
    isTextCompatible(text: string): boolean;
  };
}

/** The native addon, without a GPU and without a model. */
export async function openNativeGrammar(): Promise<(grammar: { rules: string; root: string }) => (text: string) => boolean> {
  const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, progressLogs: false });
  const addon = (llama as unknown as { _bindings: GrammarAddon })._bindings;
  return ({ rules, root }) => {
    // The name of the root is fixed in llama.cpp's own programs; a rule leads from it to the one that is tried.
    const native = new addon.AddonGrammar(`root ::= ${root}\n${rules}\n`, { addonExports: addon, rootRuleName: "root" });
    return (text) => native.isTextCompatible(text);
  };
}
