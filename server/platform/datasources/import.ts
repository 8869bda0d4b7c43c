import { invalid } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { environmentOf, readProperties, type Properties } from './properties.ts';
import type { WantedSource } from './sources.ts';

/** Reads the list that `ImportDataSources` takes: the elements of `ExportDataSources`, with names in either case and the secrets filled in. */
export function readImport(text: string, modeOf: (content: Properties) => string): WantedSource[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw invalid('DataSources', 'it must be a JSON list');
  }
  if (!Array.isArray(list) || list.length === 0 || list.length > limits.dataSourceImport.value) throw invalid('DataSources', `it must be a JSON list of 1 to ${limits.dataSourceImport.value} elements`);
  return list.map((one: unknown, index) => {
    const where = `DataSources[${index}]`;
    if (typeof one !== 'object' || one === null || Array.isArray(one)) throw invalid(where, 'it must be an object');
    // `dataSourceType`, `DataSourceType` and `datasourceType` are one name.
    const fields = new Map(Object.entries(one).map(([name, value]) => [name.toLowerCase(), value as unknown]));
    const word = (name: string): string | undefined => {
      const value = fields.get(name.toLowerCase());
      if (value === undefined || value === null) return undefined;
      if (typeof value !== 'string') throw invalid(`${where}.${name}`, 'it must be text');
      return value;
    };
    const name = word('Name');
    const type = word('DataSourceType') ?? word('ConnectionType') ?? word('Type');
    const content = fields.get('content');
    if (name === undefined || type === undefined || content === undefined) throw invalid(where, 'it needs Name, DataSourceType and Content');
    const properties = readProperties(`${where}.Content`, typeof content === 'string' ? content : JSON.stringify(content));
    const env = fields.get('envtype');
    const environment = environmentOf(`${where}.EnvType`, env === undefined ? properties : { envType: env });
    const status = fields.get('status');
    return { name, environment, type, subType: word('SubType') ?? '', mode: modeOf(properties), properties, description: word('Description') ?? '', enabled: status === undefined || status === 1 || status === 'ENABLED' };
  });
}
