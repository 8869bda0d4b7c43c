import { useSyncExternalStore } from 'react';
import { describe } from './describe.ts';

interface Toast {
  readonly id: number;
  readonly kind: 'success' | 'error';
  readonly text: string;
}

const shownMs = { success: 4_000, error: 10_000 };
let toasts: readonly Toast[] = [];
let nextId = 1;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

function show(kind: Toast['kind'], text: string): void {
  const id = nextId++;
  set([...toasts.slice(-3), { id, kind, text }]);
  window.setTimeout(() => set(toasts.filter((toast) => toast.id !== id)), shownMs[kind]);
}

/** Says that something went well. */
export function tell(text: string): void {
  show('success', text);
}

/** Says why something did not work. */
export function tellFailure(error: unknown): void {
  show('error', describe(error));
}

export function Toasts() {
  const list = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <div className="toasts" role="status" aria-live="polite">
      {list.map((toast) => (
        <div key={toast.id} className={`toast toast-${toast.kind}`}>
          {toast.text}
        </div>
      ))}
    </div>
  );
}
