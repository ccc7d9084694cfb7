// Texts of a grammar in GBNF, chosen at random: what a model might write under it.

type Node =
  | { type: "literal"; text: string }
  | { type: "class"; ranges: [number, number][] }
  | { type: "rule"; name: string }
  | { type: "sequence"; parts: Node[] }
  | { type: "choice"; options: Node[] }
  | { type: "repeat"; part: Node; min: number; max: number };

/** A generator of texts of `root`; the same seed gives the same texts. */
export function randomTexts(grammar: string, seed: number): () => string {
  const rules = new Map(
    grammar.split("\n").map((line) => {
      const at = line.indexOf(" ::= ");
      return [line.slice(0, at), parse(line.slice(at + 5))];
    }),
  );
  const depths = depthsOf(rules);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };

  const write = (node: Node, room: { left: number }): string => {
    const tight = room.left-- <= 0;
    switch (node.type) {
      case "literal":
        return node.text;
      case "class": {
        const usual = node.ranges.flatMap(([from, to]) =>
          from < 0x7f && to > 0x20 ? [[Math.max(from, 0x21), Math.min(to, 0x7e)] as const] : [],
        );
        const ranges = usual.length > 0 && random(8) > 0 ? usual : node.ranges;
        const [from, to] = ranges[random(ranges.length)]!;
        const code = from + random(to - from + 1);
        return String.fromCodePoint(code >= 0xd800 && code <= 0xdfff ? from : code);
      }
      case "rule":
        return write(rules.get(node.name)!, room);
      case "sequence":
        return node.parts.map((part) => write(part, room)).join("");
      case "choice": {
        const shortest = node.options.toSorted((a, b) => depthOf(a, depths) - depthOf(b, depths));
        return write(tight ? shortest[0]! : node.options[random(node.options.length)]!, room);
      }
      case "repeat": {
        const count = node.min + (tight ? 0 : random(Math.min(node.max - node.min, 3) + 1));
        return Array.from({ length: count }, () => write(node.part, room)).join("");
      }
    }
  };
  return () => write(rules.get("root")!, { left: 40 + random(160) });
}

function parse(body: string): Node {
  let at = 0;
  const skip = (): void => {
    while (body[at] === " ") at++;
  };
  const choice = (): Node => {
    const options = [sequence()];
    for (skip(); body[at] === "|"; skip()) {
      at++;
      options.push(sequence());
    }
    return options.length === 1 ? options[0]! : { type: "choice", options };
  };
  const sequence = (): Node => {
    const parts: Node[] = [];
    for (skip(); at < body.length && !"|)".includes(body[at]!); skip()) parts.push(repeated(atom()));
    return parts.length === 1 ? parts[0]! : { type: "sequence", parts };
  };
  const repeated = (part: Node): Node => {
    const [found, few, , many] = /^(?:[*+?]|\{(\d+)(,(\d*))?\})/.exec(body.slice(at)) ?? [];
    if (found === undefined) return part;
    at += found.length;
    if (found === "*") return { type: "repeat", part, min: 0, max: 40 };
    if (found === "+") return { type: "repeat", part, min: 1, max: 40 };
    if (found === "?") return { type: "repeat", part, min: 0, max: 1 };
    return { type: "repeat", part, min: Number(few), max: many === undefined ? Number(few) : Number(many) };
  };
  const atom = (): Node => {
    if (body[at] === "(") {
      at++;
      const inner = choice();
      at++;
      return inner;
    }
    if (body[at] === '"') {
      let text = "";
      for (at++; body[at] !== '"';) text += String.fromCodePoint(character());
      at++;
      return { type: "literal", text };
    }
    if (body[at] === "[") return characterClass();
    const [name] = /^[A-Za-z0-9-]+/.exec(body.slice(at)) ?? [];
    if (name === undefined) throw new Error(`What is "${body.slice(at, at + 40)}"?`);
    at += name.length;
    return { type: "rule", name };
  };
  const characterClass = (): Node => {
    at++;
    const negated = body[at] === "^";
    if (negated) at++;
    const ranges: [number, number][] = [];
    while (body[at] !== "]") {
      const from = character();
      if (body[at] === "-" && body[at + 1] !== "]") {
        at++;
        ranges.push([from, character()]);
      } else ranges.push([from, from]);
    }
    at++;
    return { type: "class", ranges: negated ? complement(ranges) : ranges };
  };
  const character = (): number => {
    if (body[at] !== "\\") {
      const code = body.codePointAt(at)!;
      at += code > 0xffff ? 2 : 1;
      return code;
    }
    const [whole, x, u, long] = /^\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|.)/.exec(body.slice(at))!;
    at += whole.length;
    const digits = x ?? u ?? long;
    if (digits !== undefined) return Number.parseInt(digits, 16);
    return { n: 10, r: 13, t: 9 }[whole[1]!] ?? whole.codePointAt(1)!;
  };
  return choice();
}

function complement(ranges: [number, number][]): [number, number][] {
  const gaps: [number, number][] = [];
  let next = 0x20;
  for (const [from, to] of ranges.toSorted(([a], [b]) => a - b)) {
    if (from > next) gaps.push([next, from - 1]);
    next = Math.max(next, to + 1);
  }
  return [...gaps, [next, 0xd7ff]];
}

/** How deep the shallowest text of each rule is. */
function depthsOf(rules: ReadonlyMap<string, Node>): Map<string, number> {
  const depths = new Map<string, number>();
  for (let changed = true; changed;) {
    changed = false;
    for (const [name, node] of rules) {
      const depth = 1 + depthOf(node, depths);
      if (depth < (depths.get(name) ?? Infinity)) {
        depths.set(name, depth);
        changed = true;
      }
    }
  }
  return depths;
}

function depthOf(node: Node, depths: ReadonlyMap<string, number>): number {
  if (node.type === "rule") return depths.get(node.name) ?? Infinity;
  if (node.type === "sequence") return Math.max(0, ...node.parts.map((part) => depthOf(part, depths)));
  if (node.type === "choice") return Math.min(...node.options.map((option) => depthOf(option, depths)));
  return node.type === "repeat" && node.min > 0 ? depthOf(node.part, depths) : 0;
}
