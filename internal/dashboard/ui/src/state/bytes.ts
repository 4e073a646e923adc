import { useEffect, useState } from "preact/hooks";
import { getBytes } from "../api/http";
import type { Bytes } from "../api/http";

interface State {
  data: Bytes | undefined;
  error: Error | undefined;
}

/** A stored body. "" loads nothing. */
export function useBytes(url: string): State & { reload(): void } {
  const [state, setState] = useState<State>({ data: undefined, error: undefined });
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    setState({ data: undefined, error: undefined });
    if (url === "") return;
    getBytes(url, stop.signal).then(
      (data) => setState({ data, error: undefined }),
      (error: unknown) => {
        if (!stop.signal.aborted) setState({ data: undefined, error: error instanceof Error ? error : new Error(String(error)) });
      },
    );
    return () => stop.abort();
  }, [url, round]);
  return { ...state, reload: () => setRound(round + 1) };
}
