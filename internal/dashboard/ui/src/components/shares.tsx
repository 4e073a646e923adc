/** A whole cut into its parts: a bar, and a table that says the same in figures. */
import type { ComponentChildren } from "preact";
import { count, percent } from "../lib/format";
import type { Tone } from "./badge";

export interface Share {
  name: string;
  hint?: string;
  tone: Tone;
  value: number;
  href?: string | undefined;
}

export function Shares({ parts, label, children }: { parts: Share[]; label: string; children?: ComponentChildren }) {
  const whole = parts.reduce((sum, p) => sum + p.value, 0);
  return (
    <div class="shares">
      <div class="sharebar" aria-hidden="true">
        {parts.map((p) => p.value > 0 && <i key={p.name} class={p.tone} style={{ flexGrow: p.value, flexBasis: 0 }} />)}
      </div>
      <table aria-label={label}>
        <tbody>
          {parts.map((p) => (
            <tr key={p.name}>
              <th scope="row" title={p.hint}>
                <span class="row">
                  <span class={`swatch ${p.tone}`} />
                  {p.href ? <a href={p.href}>{p.name}</a> : p.name}
                </span>
              </th>
              <td>{count(p.value)}</td>
              <td class="muted">{percent(p.value, whole)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {children}
    </div>
  );
}
