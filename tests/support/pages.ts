// The pages for people, taken apart: links, headings, blocks of code, words in code style.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface CodeBlock {
  page: string;
  line: number;
  language: string;
  text: string;
  /** Why it cannot be run, as the comment `<!-- not run: … -->` above it says. */
  not_run: string | undefined;
}

export interface Page {
  path: string;
  text: string;
  links: { target: string; line: number }[];
  /** As GitHub makes anchors of headings. */
  anchors: Set<string>;
  blocks: CodeBlock[];
  /** What stands between backticks outside of blocks. */
  code: string[];
}

const FENCE = /^```(\w*)$/;
const NOT_RUN = /^<!-- not run: (.+) -->$/;

export function readPage(root: string, path: string): Page {
  const text = readFileSync(join(root, path), "utf8");
  const page: Page = { path, text, links: [], anchors: new Set(), blocks: [], code: [] };
  let block: CodeBlock | undefined;
  let not_run: string | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    if (block !== undefined) {
      if (line === "```") block = undefined;
      else block.text += `${line}\n`;
      continue;
    }
    const [, language] = FENCE.exec(line) ?? [];
    if (language !== undefined) {
      block = { page: path, line: index + 1, language, text: "", not_run };
      page.blocks.push(block);
    }
    if (line.trim() !== "") not_run = NOT_RUN.exec(line)?.[1];
    for (const [, target = ""] of line.matchAll(/\]\(([^)\s]+)\)/g)) page.links.push({ target, line: index + 1 });
    const [, heading] = /^#+ (.*)$/.exec(line) ?? [];
    if (heading !== undefined) page.anchors.add(anchorOf(heading));
    for (const [, code = ""] of line.matchAll(/`([^`]+)`/g)) page.code.push(code);
  }
  return page;
}

function anchorOf(heading: string): string {
  const plain = heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "");
  return plain.trim().replaceAll(" ", "-");
}
