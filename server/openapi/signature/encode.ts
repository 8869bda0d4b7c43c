/** RFC 3986 percent encoding as both signature schemes use it: only `A-Z a-z 0-9 - _ . ~` stay as they are. */

const stays = new Uint8Array(128);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~') {
  stays[character.charCodeAt(0)] = 1;
}

const escapes: string[] = [];
for (let byte = 0; byte < 256; byte++) {
  escapes.push(`%${byte.toString(16).toUpperCase().padStart(2, '0')}`);
}

/**
 * Percent-encodes text as UTF-8. Most names and values need nothing, so the text is scanned first and returned as it is.
 * A lone surrogate is encoded as U+FFFD, as `Buffer.from` does; decoded requests never hold one.
 */
export function percentEncode(text: string): string {
  const length = text.length;
  let at = 0;
  for (; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code > 127 || stays[code] === 0) break;
  }
  if (at === length) return text;

  let encoded = '';
  let copied = 0;
  while (at < length) {
    const code = text.charCodeAt(at);
    if (code > 127) {
      // From here to the next ASCII character the bytes of UTF-8 are needed.
      let end = at + 1;
      while (end < length && text.charCodeAt(end) > 127) end++;
      encoded += text.slice(copied, at);
      for (const byte of Buffer.from(text.slice(at, end), 'utf8')) encoded += escapes[byte];
      at = end;
      copied = end;
    } else {
      if (stays[code] === 0) {
        encoded += text.slice(copied, at) + escapes[code];
        copied = at + 1;
      }
      at++;
    }
  }
  return encoded + text.slice(copied);
}
