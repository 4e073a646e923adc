import type { ComponentChildren } from "preact";
import { mayChange } from "../session";

/** What only those see who may change something. The gateway checks it again. */
export function Operators({ children }: { children: ComponentChildren }) {
  return mayChange.value ? <>{children}</> : null;
}
