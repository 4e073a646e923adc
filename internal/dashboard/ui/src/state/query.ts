/** Data for a page: loaded when its address changes, kept on screen while it is loaded again, retried by hand or by timer. */
import { useEffect, useReducer, useRef } from "preact/hooks";
import { getJSON } from "../api/http";

export interface Query<T> {
  data: T | undefined;
  error: Error | undefined;
  /** A request is under way; data, if any, is of the one before. */
  loading: boolean;
  reload(): void;
}

export interface QueryOptions {
  /** Ask again this long after each answer, while the page is looked at. */
  every?: number | undefined;
  /** What keeps old data on screen while new is loaded; other data is dropped at once. Default: the address' path. */
  keep?: string | undefined;
}

interface State<T> {
  data: T | undefined;
  error: Error | undefined;
  loading: boolean;
  keep: string;
}

/** Loads an address of the API; null loads nothing. */
export function useQuery<T>(url: string | null, options: QueryOptions = {}): Query<T> {
  const [, redraw] = useReducer((n: number, _: void) => n + 1, 0);
  const state = useRef<State<T>>({ data: undefined, error: undefined, loading: url !== null, keep: "" });
  const load = useRef<() => void>(() => undefined);
  const { every } = options;
  const keep = options.keep ?? url?.split("?")[0] ?? "";
  if (state.current.keep !== keep) {
    state.current = { data: undefined, error: undefined, loading: url !== null, keep };
  }

  useEffect(() => {
    if (url === null) return;
    let stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const set = (next: Partial<State<T>>): void => {
      state.current = { ...state.current, ...next };
      redraw();
    };
    const again = (): void => {
      if (!every) return;
      timer = setTimeout(() => (document.hidden ? again() : run()), every);
    };
    const run = (): void => {
      clearTimeout(timer);
      stop.abort();
      stop = new AbortController();
      const mine = stop;
      set({ loading: true });
      getJSON<T>(url, mine.signal).then(
        (data) => {
          if (mine.signal.aborted) return;
          set({ data, error: undefined, loading: false });
          again();
        },
        (error: unknown) => {
          if (mine.signal.aborted) return;
          set({ error: error instanceof Error ? error : new Error(String(error)), loading: false });
          again();
        },
      );
    };
    load.current = run;
    run();
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [url, every]);

  const { data, error, loading } = state.current;
  return { data, error, loading, reload: () => load.current() };
}
