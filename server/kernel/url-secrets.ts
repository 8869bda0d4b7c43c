/** What stands in place of a secret. */
export const MASK = '******';

const SECRET_PARAMETER = /password|passwd|pwd|secret|token|access_?key$/i;
/** A parameter's name is short; the bound keeps a text of nothing but question marks from costing the square of its length. */
const PARAMETER = /([?&;]([^=&;?]{1,64})=)[^&;]*/g;

/**
 * Begin and end of the password in `scheme://user:password@host`. It ends at the last `@` before the query, since people write passwords with `@`
 * and `/` into URLs as they are: rather hide a little more than half a password.
 */
function passwordIn(url: string): readonly [number, number] | undefined {
  const start = url.indexOf('://');
  if (start < 0) return undefined;
  const query = url.slice(start).search(/[?#]/);
  const at = url.lastIndexOf('@', query < 0 ? url.length : start + query);
  const colon = url.indexOf(':', start + 3);
  return colon < 0 || at < colon ? undefined : [colon + 1, at];
}

/** Hides the password and secret parameters of a URL, JDBC ones included. Other text stays as it is. Takes time in proportion to the length. */
export function maskUrlSecrets(text: string): string {
  const password = passwordIn(text);
  const hidden = password === undefined ? text : text.slice(0, password[0]) + MASK + text.slice(password[1]);
  return hidden.replaceAll(PARAMETER, (whole, begin: string, name: string) => (SECRET_PARAMETER.test(name) ? begin + MASK : whole));
}

/** The secrets that `maskUrlSecrets` hides. */
export function urlSecrets(text: string): string[] {
  const password = passwordIn(text);
  const parameters = [...text.matchAll(PARAMETER)].filter(([, , name]) => SECRET_PARAMETER.test(name ?? '')).map(([whole, begin]) => whole.slice(begin?.length ?? 0));
  return [...(password === undefined ? [] : [text.slice(...password)]), ...parameters].filter((secret) => secret !== '');
}

/** An address for those who may not use it: its host only, since receivers have their tokens in the path as well as in the query. */
export function maskAddress(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? MASK : `${parsed.protocol}//${parsed.host}/${MASK}`;
}
