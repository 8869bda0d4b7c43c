export type Language = 'en' | 'zh';

/** One text in both languages. A catalogue with one of them missing does not compile. */
export type Text = readonly [en: string, zh: string];
export type Catalogue = Readonly<Record<string, Text>>;

/** Checks a catalogue and keeps its keys as its type. `{name}` stands for a value. */
export function texts<const C extends Catalogue>(catalogue: C): C {
  return catalogue;
}

/** The text with its values put in; a value that is not given leaves its place standing. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
