import type { Api } from './messages.ts';
import { nullableText, structure } from './schema.ts';
import { type Reader, Writer } from './wire.ts';

/** What stands before the body of every request. */
export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
}

const noFields = structure({});
const API_VERSIONS = 18;

/** Reads the header of a request; `flexible` tells whether the api's version has tagged fields there. */
export function readHeader(reader: Reader, flexible: (apiKey: number, apiVersion: number) => boolean): RequestHeader {
  const apiKey = reader.int16();
  const apiVersion = reader.int16();
  const correlationId = reader.int32();
  // The client id keeps its old form in the flexible header.
  const clientId = nullableText.read(reader, { version: 0, flexible: false });
  if (flexible(apiKey, apiVersion)) noFields.read(reader, { version: 0, flexible: true });
  return { apiKey, apiVersion, correlationId, clientId };
}

export function readRequest<Request>(api: Api<Request, unknown>, version: number, reader: Reader): Request {
  return api.request.read(reader, { version, flexible: version >= api.flexible });
}

/** An answer with its length and header, in parts that may be sent one after the other. */
export function writeResponse<Response>(api: Api<unknown, Response>, version: number, correlationId: number, response: Response): Buffer[] {
  const writer = new Writer();
  writer.int32(correlationId);
  const flexible = version >= api.flexible;
  // ApiVersions is answered in the old form, since the client does not know yet what the server understands.
  if (flexible && api.key !== API_VERSIONS) noFields.write(writer, {}, { version: 0, flexible: true });
  api.response.write(writer, response, { version, flexible });
  const size = Buffer.allocUnsafe(4);
  size.writeInt32BE(writer.size, 0);
  return [size, ...writer.finish()];
}
