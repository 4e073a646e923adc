/** JSON laid out and cut into coloured pieces. The pieces are text: whoever shows them makes text nodes of them. */

export type Kind = "key" | "string" | "number" | "word" | "mark";

export interface Piece {
  kind: Kind;
  text: string;
}

/** Bodies above this are shown as they are: laying them out would freeze the page. */
export const layoutLimit = 512 * 1024;

/** Levels that are indented. Deeper ones stand below each other: indented as well, a few bytes of brackets would fill the memory. */
const deepest = 32;

const token = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b|([{}[\],:]|\s+)|(.)/gsu;

/**
 * The text with new white space between its tokens, tokens themselves untouched: numbers keep their digits and doubled
 * keys stay doubled, unlike after JSON.parse. Null when it is no JSON.
 */
export function pretty(text: string): string | null {
  if (text.length > layoutLimit) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  let out = "";
  let depth = 0;
  const line = (): string => `\n${"  ".repeat(Math.min(depth, deepest))}`;
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gsu) ?? [];
  tokens.forEach((t, i) => {
    const next = tokens[i + 1];
    if (t === "{" || t === "[") {
      depth++;
      out += t + (next === "}" || next === "]" ? "" : line());
    } else if (t === "}" || t === "]") {
      depth--;
      const before = tokens[i - 1];
      out += (before === "{" || before === "[" ? "" : line()) + t;
    } else if (t === ",") out += t + line();
    else if (t === ":") out += ": ";
    else out += t;
  });
  return out;
}

export function pieces(text: string): Piece[] {
  const out: Piece[] = [];
  const push = (kind: Kind, piece: string): void => {
    const last = out.at(-1);
    if (last?.kind === kind) last.text += piece;
    else out.push({ kind, text: piece });
  };
  for (const [all, string, colon, number, word, mark] of text.matchAll(token)) {
    if (string !== undefined) {
      push(colon === undefined ? "string" : "key", string);
      if (colon !== undefined) push("mark", colon);
    } else if (number !== undefined) push("number", number);
    else if (word !== undefined) push("word", word);
    else push("mark", mark ?? all);
  }
  return out;
}
