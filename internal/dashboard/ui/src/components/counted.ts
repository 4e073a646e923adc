import { useEffect, useState } from "preact/hooks";
import { address, postJSON } from "../api/http";
import type { Changed } from "../api/types";

interface Counted {
  data: Changed | undefined;
  error: string;
}

/** What a change would do: the same request as the change, as a dry run. */
export function useCount(path: string, body: object): Counted {
  const [state, setState] = useState<Counted>({ data: undefined, error: "" });
  const key = JSON.stringify([path, body]);
  useEffect(() => {
    let current = true;
    setState({ data: undefined, error: "" });
    postJSON<Changed>(address(path), { ...body, dry_run: true, reason: "count" }).then(
      (data) => current && setState({ data, error: "" }),
      (cause: unknown) => current && setState({ data: undefined, error: cause instanceof Error ? cause.message : String(cause) }),
    );
    return () => {
      current = false;
    };
  }, [key]);
  return state;
}
