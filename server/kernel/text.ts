/** A text from outside as the database can hold it: without NUL, which PostgreSQL refuses, without half a surrogate pair, and at most `characters` of it. */
export function storable(text: string, characters = Infinity): string {
  return text.slice(0, characters).replaceAll('\u0000', '\uFFFD').toWellFormed();
}
