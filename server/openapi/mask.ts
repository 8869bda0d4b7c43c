import { limits } from '../kernel/limits.ts';
import { maskUrlSecrets } from '../kernel/url-secrets.ts';

/** Names whose values are never written down. Who knows the address of a chat robot can write as it, so addresses of alerts are among them. */
const SECRET_NAME = /secret|password|passwd|token|credential|privatekey|accesskey$|signature|authorization|connectionproperties|receivervalues|webhooks|roboturls|weburl/i;
/** `ClientToken` and page tokens are no secrets, and help to follow a caller's retries. */
const HARMLESS_NAME = /^(client|next)token$/i;
const LONGEST_VALUE = 200;

function isSecret(name: string): boolean {
  return SECRET_NAME.test(name) && !HARMLESS_NAME.test(name);
}

const LOOKS_LIKE_JSON = /^\s*[[{]/;
/** The names above anywhere in a text, and passwords in URLs. */
const MENTIONS_SECRET = /secret|password|passwd|token|credential|privatekey|accesskey|signature|authorization|connectionproperties|receivervalues|webhooks|roboturls|weburl|:\/\/[^/]*@/i;

function cut(value: string): string {
  return value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE)}… (${value.length} characters)` : value;
}

/** A value by environment is that of a parameter of a workspace, which may be a secret one. */
function ofParameter(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'EnvType' in value && 'Value' in value ? { ...value, Value: '******' } : value;
}

/** Masks secrets inside JSON that is sent as text, such as the content of a data source. What is no JSON after all is masked as a whole. */
function maskedJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), (name, value: unknown) => {
      if (name !== '' && isSecret(name)) return '******';
      if (typeof value !== 'string') return value;
      if (LOOKS_LIKE_JSON.test(value) && MENTIONS_SECRET.test(value)) return maskedJson(value);
      return maskUrlSecrets(value);
    });
  } catch {
    return '******';
  }
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
    return typeof value === 'string' ? cut(LOOKS_LIKE_JSON.test(value) && MENTIONS_SECRET.test(value) ? maskedJson(value) : value) : ofParameter(value);
  });
  return text.length > limits.callLogParameterCharacters.value ? JSON.stringify({ cut: text.slice(0, limits.callLogParameterCharacters.value) }) : text;
}
