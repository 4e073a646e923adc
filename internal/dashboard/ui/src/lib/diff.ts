/** The difference between two texts, line by line: the shortest way from one to the other (Myers), bounded. */

export type Line = { sign: " " | "-" | "+"; text: string };

/** Above this many differing lines the two texts are shown one after the other: nobody reads such a difference. */
const mostEdits = 800;

export function diff(before: string, after: string): Line[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const same = (lines: string[]): Line[] => lines.map((text) => ({ sign: " ", text }));
  return [
    ...same(a.slice(0, head)),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...same(a.slice(a.length - tail)),
  ];
}

function middle(a: string[], b: string[]): Line[] {
  const trail = search(a, b);
  if (trail === null) {
    return [...a.map((text): Line => ({ sign: "-", text })), ...b.map((text): Line => ({ sign: "+", text }))];
  }
  return retrace(a, b, trail);
}

/** The furthest reach on each diagonal, after 0, 1, 2 … edits. */
function search(a: string[], b: string[]): Map<number, number>[] | null {
  const most = Math.min(a.length + b.length, mostEdits);
  const trail: Map<number, number>[] = [];
  const reach = new Map([[1, 0]]);
  for (let edits = 0; edits <= most; edits++) {
    trail.push(new Map(reach));
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
      let x = down ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      reach.set(k, x);
      if (x >= a.length && x - k >= b.length) return trail;
    }
  }
  return null;
}

function retrace(a: string[], b: string[], trail: Map<number, number>[]): Line[] {
  const lines: Line[] = [];
  let x = a.length;
  let y = b.length;
  for (let edits = trail.length - 1; edits >= 0; edits--) {
    const reach = trail[edits]!;
    const k = x - y;
    const down = k === -edits || (k !== edits && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
    const fromK = down ? k + 1 : k - 1;
    const fromX = edits === 0 ? 0 : (reach.get(fromK) ?? 0);
    const fromY = edits === 0 ? 0 : fromX - fromK;
    while (x > fromX && y > fromY) {
      lines.push({ sign: " ", text: a[--x]! });
      y--;
    }
    if (edits === 0) break;
    if (down) lines.push({ sign: "+", text: b[--y]! });
    else lines.push({ sign: "-", text: a[--x]! });
  }
  return lines.reverse();
}

/** Lines that are near a change, with null for each gap in between. */
export function hunks(lines: Line[], context = 3): (Line | null)[] {
  const near = new Set<number>();
  lines.forEach((line, i) => {
    if (line.sign === " ") return;
    for (let j = i - context; j <= i + context; j++) near.add(j);
  });
  const out: (Line | null)[] = [];
  lines.forEach((line, i) => {
    if (near.has(i)) out.push(line);
    else if (out.at(-1) !== null) out.push(null);
  });
  return out;
}
