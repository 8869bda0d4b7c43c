/** Writes contract nodes as JSON Schemas of an OpenAPI 3.1 document. */

import type { Contract, Node } from './form.ts';

export type JsonObject = { [key: string]: unknown };

/**
 * Turns the nodes of one contract into schemas. A node with a `model` name becomes a shared schema in `components`
 * and a reference to it; where operations disagree about a model, the first form is shared and the others stay inline.
 */
export function schemaWriter(contract: Contract, components: JsonObject): (node: Node) => JsonObject {
  const shared = new Map<string, string>();

  function write(node: Node): JsonObject {
    if (node.model === undefined) return withFacts(node, structure(node));
    const name = `${contract.product}.${contract.version}.${node.model}`;
    const body = structure(node);
    const text = JSON.stringify(body);
    if (!shared.has(name)) {
      shared.set(name, text);
      components[name] = body;
    }
    return shared.get(name) === text ? { $ref: `#/components/schemas/${name}` } : body;
  }

  function structure(node: Node): JsonObject {
    switch (node.type) {
      case 'string':
      case 'boolean':
        return { type: node.type };
      case 'int32':
      case 'int64':
        return { type: 'integer', format: node.type };
      case 'float':
      case 'double':
        return { type: 'number', format: node.type };
      case 'any':
        return {};
      case 'array':
        return { type: 'array', items: write(node.items) };
      case 'map':
        return { type: 'object', additionalProperties: write(node.values) };
      case 'object': {
        const required = Object.entries(node.properties).filter(([, child]) => child.required === true);
        return {
          type: 'object',
          properties: Object.fromEntries(Object.entries(node.properties).map(([name, child]) => [name, write(child)])),
          ...(required.length === 0 ? {} : { required: required.map(([name]) => name) }),
        };
      }
    }
  }

  function withFacts(node: Node, schema: JsonObject): JsonObject {
    const notes = [node.description];
    // Only a closed enumeration may refuse values; an open one lists what is known.
    const closed = contract.enumerations === 'closed' && node.format === undefined;
    if (node.enum !== undefined && closed) schema['enum'] = node.enum;
    if (node.enum !== undefined && !closed) notes.push(`${listNote(node.format)}: ${node.enum.join(', ')}.`);
    if (node.labels !== undefined) notes.push(`${Object.entries(node.labels).map(([code, meaning]) => `${code}: ${meaning}`).join('; ')}.`);
    if (node.format === 'json') schema['contentMediaType'] = 'application/json';
    else if (node.format === 'date-time') schema['format'] = 'date-time';
    else if (node.format !== undefined) notes.push(`Format: ${node.format}.`);
    if (node.upload === true) notes.push('The address of a file.');
    if (node.default !== undefined) schema['default'] = node.default;
    if (node.minimum !== undefined) schema['minimum'] = node.minimum;
    if (node.maximum !== undefined) schema['maximum'] = node.maximum;
    if (node.maxLength !== undefined) schema['maxLength'] = node.maxLength;
    if (node.deprecated === true) schema['deprecated'] = true;
    const description = notes.filter((note) => note !== undefined).join(' ');
    if (description !== '') schema['description'] = description;
    return schema;
  }

  return write;
}

function listNote(format: string | undefined): string {
  if (format === 'sort') return 'Fields to sort by';
  return format === 'comma-list' ? 'Known values, joined with commas' : 'Known values';
}
