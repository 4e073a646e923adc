/** The box that follows the pointer over a chart. Built of text nodes. */
import type uPlot from "uplot";

export interface TipRow {
  name: string;
  value: string;
  tone?: string;
}

export function tip(content: (index: number, u: uPlot) => { title: string; rows: TipRow[] } | null): uPlot.Plugin {
  const box = document.createElement("div");
  box.className = "tip";
  box.hidden = true;
  return {
    hooks: {
      init: (u) => u.over.append(box),
      setCursor: (u) => {
        const at = u.cursor.idx;
        const said = at === null || at === undefined || (u.cursor.left ?? -1) < 0 ? null : content(at, u);
        box.hidden = said === null;
        if (said === null) return;
        box.replaceChildren(heading(said.title), table(said.rows));
        const left = u.cursor.left ?? 0;
        const roomy = u.over.clientWidth - left > box.offsetWidth + 24;
        box.style.left = `${roomy ? left + 14 : Math.max(0, left - box.offsetWidth - 14)}px`;
      },
    },
  };
}

function heading(text: string): HTMLElement {
  const element = document.createElement("strong");
  element.textContent = text;
  return element;
}

function table(rows: TipRow[]): HTMLElement {
  const element = document.createElement("table");
  for (const row of rows) {
    const line = element.insertRow();
    const name = document.createElement("th");
    if (row.tone) {
      const swatch = document.createElement("span");
      swatch.className = `swatch ${row.tone}`;
      name.append(swatch, " ");
    }
    name.append(row.name);
    line.append(name);
    line.insertCell().textContent = row.value;
  }
  return element;
}
