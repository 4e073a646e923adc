/** Short messages about what somebody has just done. */
import { signal } from "@preact/signals";

export interface Toast {
  id: number;
  kind: "good" | "bad";
  text: string;
}

export const toasts = signal<Toast[]>([]);

let last = 0;

export function toast(kind: Toast["kind"], text: string): void {
  const id = ++last;
  toasts.value = [...toasts.value.slice(-3), { id, kind, text }];
  setTimeout(() => dismiss(id), kind === "good" ? 5000 : 12_000);
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((t) => t.id !== id);
}
