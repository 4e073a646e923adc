import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Props {
  title: string;
  note?: ComponentChildren;
  tools?: ComponentChildren;
  flush?: boolean;
  children: ComponentChildren;
}

export function Panel({ title, note, tools, flush = false, children }: Props) {
  const id = useId();
  return (
    <section class="panel" aria-labelledby={id}>
      <div class="head">
        <h2 id={id}>{title}</h2>
        {note && <span class="note">{note}</span>}
        {tools}
      </div>
      <div class={`inner${flush ? " flush" : ""}`}>{children}</div>
    </section>
  );
}
