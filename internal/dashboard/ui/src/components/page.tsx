import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { status } from "../state/status";
import { StoreBanners } from "./gateway";
import { Icon } from "./icon";

interface Props {
  title: string;
  /** Instead of the title where it is more than text. */
  heading?: ComponentChildren;
  tools?: ComponentChildren;
  children: ComponentChildren;
}

export function Page({ title, heading, tools, children }: Props) {
  // The tab says it too: the page may be one of many.
  const trouble = status.value !== undefined && !(status.value.redis.up && status.value.database.up);
  useEffect(() => {
    document.title = `${trouble ? "⚠ " : ""}${title} · dedupgate`;
  }, [title, trouble]);
  return (
    <main class="page" id="main" tabIndex={-1}>
      <header>
        <h1>{heading ?? title}</h1>
        {tools && <div class="tools">{tools}</div>}
      </header>
      <div class="body">
        <StoreBanners />
        {children}
      </div>
    </main>
  );
}

export function Refresh({ query }: { query: { loading: boolean; reload(): void } }) {
  return (
    <button type="button" class="button icon" aria-label="Refresh" title="Refresh (r)" data-key="r" disabled={query.loading} onClick={query.reload}>
      <Icon name="refresh" size={14} />
    </button>
  );
}
