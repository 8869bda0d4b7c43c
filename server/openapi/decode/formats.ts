/** The `format` of a text in the contract, as a check of its form. Whether a date exists is the operation's question. */

export interface FormatCheck {
  readonly expected: string;
  matches(text: string): boolean;
}

const PATTERN_LETTERS = 'yMdHms';

/** The check for a format, or undefined for formats that have none here (`json`, `comma-list`, `sort`, epoch numbers). */
export function formatReader(format: string | undefined): FormatCheck | undefined {
  if (format === undefined) return undefined;
  if (format === 'date-time') {
    return { expected: 'a date and time after RFC 3339', matches: (text) => text.length <= 40 && DATE_TIME.test(text) };
  }
  if (format === 'epoch-ms-string') {
    return { expected: 'milliseconds since 1970 as digits', matches: (text) => text.length <= 16 && /^\d+$/.test(text) };
  }
  // Patterns are made of the letters of Java's date patterns; the named formats above and elsewhere are words.
  if (!/^(?:yyyy|HH)/.test(format)) return undefined;
  const expression = patternExpression(format);
  return { expected: `of the form ${format}`, matches: (text) => text.length <= 40 && expression.test(text) };
}

const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d)$/;

/** `yyyy-MM-dd'T'HH:mm:ssZ` to an expression: letters to digits, quoted parts and punctuation as they are, `Z` to a zone. */
function patternExpression(pattern: string): RegExp {
  let expression = '';
  let quoted = false;
  for (const character of pattern) {
    if (character === "'") quoted = !quoted;
    else if (!quoted && PATTERN_LETTERS.includes(character)) expression += '\\d';
    else if (!quoted && character === 'Z') expression += '(?:Z|[+-]\\d\\d:?\\d\\d)';
    else expression += /\w/.test(character) ? character : `\\${character}`;
  }
  return new RegExp(`^${expression}$`);
}
