interface Shown {
  readonly Name?: string | undefined;
  readonly Value?: string | undefined;
  readonly Secret?: boolean | undefined;
}

interface Given {
  readonly Name: string;
  readonly Value?: string | undefined;
  readonly SecretValue?: string | undefined;
}

/** Headers as lines of a form; of secret ones the name only, since their values are told to nobody. */
export function headerLines(headers: readonly Shown[] | undefined, secret: boolean): string {
  return (headers ?? [])
    .filter((one) => (one.Secret === true) === secret)
    .map((one) => (secret ? `${one.Name}:` : `${one.Name}: ${one.Value ?? ''}`))
    .join('\n');
}

/** The headers of both fields as the request wants them. Throws an Error that names a line without a name; a secret one without a value keeps what it had. */
export function readHeaders(plain: string | undefined, secret: string | undefined, refusal: (line: string) => string): Given[] {
  const linesOf = (text: string | undefined) => (text ?? '').split('\n').map((line) => line.trim()).filter((line) => line !== '');
  const split = (line: string): [name: string, value: string] => {
    const [, name = '', value = ''] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*)$/.exec(line) ?? [];
    if (name === '') throw new Error(refusal(line));
    return [name, value];
  };
  return [
    ...linesOf(plain).map(split).map(([Name, Value]) => ({ Name, Value })),
    ...linesOf(secret).map(split).map(([Name, value]) => (value === '' ? { Name } : { Name, SecretValue: value })),
  ];
}
