import { findOperation, type Node } from '../../contract/index.ts';

/** Values of an answer that are of another type than the contract says. What it does not know is left out by the gateway, so it is no fault; nor is what is absent. */
export function faultsOfAnswer(product: string, version: string, action: string, answer: object): string[] {
  const operation = findOperation(product, version, action);
  if (operation === undefined) return [`there is no operation ${action}`];
  const faults: string[] = [];
  check(operation.response, answer, action);
  return faults;

  function check(node: Node, value: unknown, path: string): void {
    if (value === undefined || value === null) return;
    const found = Array.isArray(value) ? 'array' : typeof value;
    switch (node.type) {
      case 'object':
        if (found !== 'object') return void faults.push(`${path} is ${found}, not an object`);
        for (const [name, inner] of Object.entries(value as object)) {
          const known = node.properties[name];
          if (known !== undefined) check(known, inner, `${path}.${name}`);
        }
        return;
      case 'array':
        if (!Array.isArray(value)) return void faults.push(`${path} is ${found}, not a list`);
        for (const inner of value) check(node.items, inner, `${path}[]`);
        return;
      case 'string':
      case 'boolean':
        if (found !== node.type) faults.push(`${path} is ${found}, not ${node.type}`);
        return;
      case 'int32':
      case 'int64':
        if (!Number.isSafeInteger(value)) faults.push(`${path} is ${JSON.stringify(value)}, not a whole number`);
        return;
      case 'float':
      case 'double':
        if (found !== 'number') faults.push(`${path} is ${found}, not a number`);
        return;
      default:
        // Maps and free values are what the operation says.
    }
  }
}
