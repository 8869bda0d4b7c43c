import { invalid } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import type { Cursor } from './log-store.ts';

/**
 * A place in the log as programs keep it: the same text for `PullEvents`, `ListEvents`, the id of a server-sent event, the status of a subscription
 * and whatever maps to it, so that a consumer can go from one to the other without a gap. To be kept and handed back, not to be read.
 */
export function encodeCursor(cursor: Cursor): string {
  return `${cursor.position}-${cursor.id}`;
}

/** The place that a text stands for. Throws InvalidParameter, naming `parameter`, for a text that is no cursor. */
export function decodeCursor(text: string, parameter = 'Cursor'): Cursor {
  const [, position, id] = text.length > limits.cursorCharacters.value ? [] : (/^(\d{1,15})-(\d{1,15})$/.exec(text) ?? []);
  if (position === undefined || id === undefined) throw invalid(parameter, 'it must be a cursor of an earlier answer');
  return { position: Number(position), id: Number(id) };
}
