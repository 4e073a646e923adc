/** What a page shows when there is nothing to show yet, nothing at all, or something went wrong. */
import type { ComponentChildren } from "preact";
import { ApiError } from "../api/http";
import type { Query } from "../state/query";
import { Icon } from "./icon";
import type { IconName } from "./icon";

export function Bones({ lines = 3, height }: { lines?: number; height?: number }) {
  return (
    <div class="stack" aria-busy="true" style={height ? { height: `${height}px`, alignContent: "center" } : {}}>
      <span class="unseen">Loading</span>
      {Array.from({ length: lines }, (_, i) => (
        <span class="bone" key={i} style={{ width: `${[92, 78, 85, 64, 88][i % 5]}%` }} />
      ))}
    </div>
  );
}

export function Broken({ error, retry, what }: { error: Error; retry: () => void; what?: string }) {
  const id = error instanceof ApiError ? error.requestID : "";
  return (
    <div class="banner red" role="alert">
      <Icon name="alert" />
      <p>
        <strong>{what ?? "This could not be loaded."}</strong> {error.message}
        {id !== "" && (
          <span class="muted small">
            {" "}
            Request <code>{id}</code> in the log.
          </span>
        )}
      </p>
      <button type="button" class="button small" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Banner({ tone, icon = "info", children }: { tone: "blue" | "amber" | "red" | "green"; icon?: IconName; children: ComponentChildren }) {
  return (
    <div class={`banner ${tone}`} role={tone === "red" ? "alert" : "status"}>
      <Icon name={icon} />
      {children}
    </div>
  );
}

/** The three states of a query around what shows its data. A failed refresh leaves the old data where it is. */
export function Loaded<T>({ query, bones, children }: { query: Query<T>; bones?: ComponentChildren; children: (data: T) => ComponentChildren }) {
  return (
    <>
      {query.error && <Broken error={query.error} retry={query.reload} />}
      {query.data !== undefined ? children(query.data) : query.error ? null : (bones ?? <Bones />)}
    </>
  );
}
