import { invalid } from '../../kernel/errors.ts';
import { limits } from '../../kernel/limits.ts';
import { MASK, maskUrlSecrets, urlSecrets } from '../../kernel/url-secrets.ts';
import { checkText } from '../dialect.ts';

/** The properties of a connection: JSON as the caller wrote it, in which some values are secrets. */
export type Properties = Readonly<Record<string, unknown>>;

const SECRET_NAME = /password|passwd|pwd|secret|token|credential|private_?key|access_?key$|^ak_?secret$|api_?key|passphrase|authorization|keystore_?content|truststore_?content|keytab|sas_?url/i;
/** Names in which the word says nothing of a secret: `accessKeyId`, `securityProtocol`, `tokenUrl`. */
const PLAIN_NAME = /(id|url|uri|type|mode|name|protocol|enabled)$/i;
const DEEPEST = 16;

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !(PLAIN_NAME.test(name) && !/sas_?url/i.test(name));
}

function map(value: unknown, name: string, secret: boolean, change: (text: string, secret: boolean) => unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => map(one, name, secret, change));
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, map(inner, key, secret || isSecretName(key), change)]));
  if (value === null || value === '' || typeof value === 'boolean') return value;
  if (typeof value === 'string') return change(value, secret);
  return secret ? change(String(value), true) : value;
}

/** The properties as answers show them: the same fields and values, with secrets replaced by the mask. */
export function masked(properties: Properties): Properties {
  return map(properties, '', false, (text, secret) => (secret ? MASK : maskUrlSecrets(text))) as Properties;
}

/** All secrets of the properties, for hiding them in messages of other servers. */
export function secretsOf(properties: Properties): string[] {
  const found: string[] = [];
  map(properties, '', false, (text, secret) => {
    if (secret) found.push(text);
    else found.push(...urlSecrets(text));
    return text;
  });
  return found;
}

function hasMask(value: unknown): boolean {
  return JSON.stringify(value ?? null).includes(MASK);
}

/** Names of what decides where a connection goes, for types that are only kept as records too. */
const TARGET_NAME = /address|host|port|ur[il]|endpoint|server|broker|instance|cluster|proxy|socket|domain|gateway|region|node|metastore|zookeeper|quorum|dsn|connection_?string|default_?fs|ips?$/i;

/** Names of what decides how surely it is that place which a secret is shown to: TLS, and whom its certificate must be vouched for by. */
const TRUST_NAME = /ssl|tls|https|certificate|verif|trust|insecure|security_?\.?protocol|^ca(_?(cert|file|path))?$/i;

/** The hosts a URL may be read to lead to: clients differ in where they see the end of a password with signs such as `/`. */
function hostsOf(text: string): (string | undefined)[] {
  if (!text.includes('://')) return [];
  const readings = [text.replace(/^jdbc:/i, ''), text.replace(/^[^/]*:\/\//, 'database://'), text.replace(/^[^/]*:\/\//, 'http://')];
  return readings.map((one) => URL.parse(one)?.host);
}

/** Where the properties lead to and how surely: what stands under such names, and every URL, at any depth, without the secrets. */
function target(properties: Properties): string {
  const found: string[] = [];
  const collect = (value: unknown, path: readonly string[], counts: boolean, secret: boolean) => {
    if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value)) collect(inner, [...path, name], counts || TARGET_NAME.test(name) || TRUST_NAME.test(name), secret || isSecretName(name));
    } else if (counts || (!secret && typeof value === 'string' && value.includes('://'))) {
      const text = String(value);
      found.push(JSON.stringify([path, secret ? MASK : maskUrlSecrets(text), hostsOf(text)]));
    }
  };
  collect(properties, [], false, false);
  return found.toSorted().join('\n');
}

function restore(value: unknown, former: unknown): unknown {
  if (typeof value === 'string' && value.includes(MASK)) {
    // A URL that was changed beside its mask is not what was shown, and stays as it is: it is then refused.
    const shown = value === MASK ? former !== undefined && typeof former !== 'object' : typeof former === 'string' && maskUrlSecrets(former) === value;
    return shown ? former : value;
  }
  if (Array.isArray(value)) return value.map((one, index) => restore(one, Array.isArray(former) ? former[index] : undefined));
  if (typeof value === 'object' && value !== null) {
    const earlier = typeof former === 'object' && former !== null ? (former as Record<string, unknown>) : {};
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, restore(inner, Object.hasOwn(earlier, key) ? earlier[key] : undefined)]));
  }
  return value;
}

/**
 * New properties in which a mask that came back from an answer stands for the secret it hides. Secrets are kept for the same target only: who
 * may change the address of a data source, or may switch off what proves the server at that address, must not thereby get its password sent to
 * a server of their own.
 */
export function withFormerSecrets(name: string, wanted: Properties, former: Properties | undefined): Properties {
  if (!hasMask(wanted)) return wanted;
  if (former === undefined) throw invalid(name, `${MASK} stands for a secret that is not shown; send the secret itself`);
  // With the secrets in place, since what is taken for the password of a URL may hide another host.
  const restored = restore(wanted, former) as Properties;
  if (target(restored) !== target(former)) throw invalid(name, 'the address or what secures the connection to it changes, so the password and any other secret must be entered anew');
  if (hasMask(restored)) throw invalid(name, `${MASK} stands where there was no secret before; send the secret itself`);
  return restored;
}

function depthOf(value: unknown, depth = 0): number {
  if (depth > DEEPEST || typeof value !== 'object' || value === null) return depth;
  return Math.max(depth, ...Object.values(value).map((inner) => depthOf(inner, depth + 1)));
}

/** Reads properties from JSON text. Throws InvalidParameter when it is no object, too long or too deep. */
export function readProperties(name: string, text: string): Properties {
  if (Buffer.byteLength(text) > limits.dataSourcePropertiesBytes.value) throw invalid(name, `it may have at most ${limits.dataSourcePropertiesBytes.value} bytes`);
  let value: unknown;
  const strings: string[] = [];
  try {
    value = JSON.parse(text, (key, inner: unknown) => {
      strings.push(key, ...(typeof inner === 'string' ? [inner] : []));
      return inner;
    });
  } catch {
    throw invalid(name, 'it must be a JSON object');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(name, 'it must be a JSON object');
  // Checked after parsing, since an escape makes characters that the text does not show.
  for (const one of strings) checkText(name, one, Infinity);
  if (depthOf(value) > DEEPEST) throw invalid(name, `it may be nested ${DEEPEST} levels at most`);
  return value as Properties;
}

/** The environment that the properties name as `envType`; production when they name none. */
export function environmentOf(name: string, properties: Properties): 'DEV' | 'PROD' {
  const value = properties['envType'];
  if (value === undefined || value === null || value === '') return 'PROD';
  const text = String(value).toUpperCase();
  if (text === 'DEV' || text === '0') return 'DEV';
  if (text === 'PROD' || text === '1') return 'PROD';
  throw invalid(name, 'envType must be Dev or Prod');
}
