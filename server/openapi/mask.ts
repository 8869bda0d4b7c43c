import { limits } from '../kernel/limits.ts';

/** Names whose values are never written down. */
const SECRET_NAME = /secret|password|passwd|token|credential|privatekey|signature|authorization|connectionproperties/i;
/** `ClientToken` and page tokens are no secrets, and help to follow a caller's retries. */
const HARMLESS_NAME = /^(client|next)token$/i;
const LONGEST_VALUE = 200;

function isSecret(name: string): boolean {
  return SECRET_NAME.test(name) && !HARMLESS_NAME.test(name);
}

/** A decoded request as the call log keeps it: JSON text with secrets masked and long values cut. */
export function maskedParameters(request: Readonly<Record<string, unknown>>): string {
  let empty = true;
  for (const _ in request) {
    empty = false;
    break;
  }
  if (empty) return '{}';
  const text = JSON.stringify(request, (name, value: unknown) => {
    if (name !== '' && isSecret(name)) return '******';
    return typeof value === 'string' && value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}… (${value.length} characters)` : value;
  });
  return text.length > limits.callLogParameterCharacters.value ? JSON.stringify({ cut: text.slice(0, limits.callLogParameterCharacters.value) }) : text;
}
