import { X509Certificate } from 'node:crypto';

/** What an X.509 certificate says of itself. */
export interface CertificateFacts {
  readonly subject: string;
  /** SHA-256, in hexadecimal with colons. */
  readonly fingerprint: string;
  readonly validFrom: Date;
  /** Of several certificates in one file, such as a chain, the first end. */
  readonly expiresAt: Date;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function parse(content: Buffer | string): X509Certificate | undefined {
  try {
    return new X509Certificate(content);
  } catch {
    return undefined;
  }
}

/**
 * Reads a certificate in PEM or DER, the first of a chain. Undefined for a file that is none, such as a key store or a private key; `broken` for one that says it
 * is a certificate and cannot be read.
 */
export function readCertificate(file: Buffer): CertificateFacts | 'broken' | undefined {
  const blocks = file.toString('latin1').match(BLOCK);
  const read = blocks === null ? [parse(file)] : blocks.map((block) => parse(block));
  const certificates = read.filter((one) => one !== undefined);
  if (blocks !== null && certificates.length < blocks.length) return 'broken';
  const [first] = certificates;
  if (first === undefined) return undefined;
  return {
    subject: first.subject,
    fingerprint: first.fingerprint256,
    validFrom: first.validFromDate,
    expiresAt: new Date(Math.min(...certificates.map((one) => one.validToDate.getTime()))),
  };
}
