import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { startTestHouse, type TestHouse } from '../../../test/support/house.ts';
import { testUpload } from '../../../test/support/uploads.ts';
import { EXPIRED, VALID } from './certificates.fixture.ts';
import { readCertificate } from './read.ts';

const CURRENT = '2024-05-18';

describe('certificates and credentials', () => {
  let house: TestHouse;
  let ProjectId: number;
  before(async () => {
    house = await startTestHouse();
    ProjectId = Number((await house.call(CURRENT, 'CreateProject', { Name: 'sealed', DisplayName: 'sealed' }))['Id']);
  });
  after(() => house.stop());

  const load = async (Name: string, content: Buffer | string, extra: object = {}) =>
    Number((await house.call(CURRENT, 'ImportCertificate', { ProjectId, Name, CertificateFile: await testUpload(house, Name, content), ...extra }))['Id']);
  const row = (id: number) => house.database.row<{ sealed: string; subject: string | null; expires_at: Date | null; fingerprint: string | null }>('select sealed, subject, expires_at, fingerprint from certificate where id = $1', [id]);
  const NOT_VALID = /is not valid|is required/;
  const refused = (pattern: RegExp) => (error: unknown) => {
    assert.ok(error instanceof Error);
    assert.match(error.message, pattern);
    return true;
  };

  it('reads subject, fingerprint and end of a certificate, in PEM and DER and of a chain', () => {
    const pem = readCertificate(Buffer.from(VALID));
    assert.ok(pem !== undefined && pem !== 'broken');
    assert.deepEqual([pem.subject, pem.expiresAt.toISOString().slice(0, 10), pem.fingerprint.slice(0, 11)], ['CN=kafka.example.com', '2126-10-31', '51:7E:D0:5E']);
    assert.deepEqual(readCertificate(new X509Certificate(VALID).raw), pem);
    const chain = readCertificate(Buffer.from(`${VALID}\n${EXPIRED}`));
    assert.ok(chain !== undefined && chain !== 'broken');
    assert.equal(chain.expiresAt.toISOString().slice(0, 10), '2021-01-01', 'a chain ends with its first end');
    assert.equal(readCertificate(Buffer.from('a key store')), undefined);
    assert.equal(readCertificate(Buffer.from(VALID.replace('MIIB', 'AAAA'))), 'broken');
  });

  it('keeps a certificate sealed, with what it says of itself beside it', async () => {
    const Id = await load('kafka', VALID, { Description: 'of the brokers' });
    const kept = await row(Id);
    assert.deepEqual([kept?.subject, kept?.expires_at?.toISOString().slice(0, 10)], ['CN=kafka.example.com', '2126-10-31']);
    assert.ok(!JSON.stringify(kept).includes(VALID.slice(40, 80)));
    const { Certificate } = (await house.call(CURRENT, 'GetCertificate', { ProjectId, Id })) as { Certificate: Record<string, unknown> };
    assert.deepEqual({ ...Certificate, CreateTime: 0 }, { Id, Name: 'kafka', Description: 'of the brokers', ProjectId, FileSizeInBytes: VALID.length, CreateTime: 0, CreateUser: String(house.first.userId) });
    await house.database.run(`update certificate set expires_at = now() + interval '29 days' where id = $1`, [Id]);
    assert.match(await house.house.metrics.render(), /^millrace_certificates_ending 1$/m);
    // A key store is no certificate, and is kept all the same.
    const store = await load('store.jks', Buffer.from([254, 237, 254, 237, 0, 1]));
    assert.deepEqual([(await row(store))?.expires_at, (await row(store))?.subject], [null, null]);
  });

  it('refuses what has expired, is broken, empty, or has a name that is taken', async () => {
    await assert.rejects(load('old', EXPIRED), refused(/expired on 2021-01-01/));
    await assert.rejects(load('broken', VALID.replace('MIIB', 'AAAA')), refused(NOT_VALID));
    await assert.rejects(load('empty', ''), refused(NOT_VALID));
    await load('taken', VALID);
    await assert.rejects(load('taken', VALID), refused(/There is already/));
    await assert.rejects(load('../x', VALID), refused(NOT_VALID));
    await assert.rejects(house.call(CURRENT, 'ImportCertificate', { ProjectId, Name: 'nowhere', CertificateFile: 'http://millrace.files.test:8443/1/none' }), refused(NOT_VALID));
  });

  it('lists by name, creator and time, and deletes', async () => {
    const Id = await load('list_one', VALID);
    await load('list_two', VALID);
    const list = async (request: object) => ((await house.call(CURRENT, 'ListCertificates', { ProjectId, ...request }))['PagingInfo'] as { Certificates: { Name: string }[] }).Certificates.map((one) => one.Name);
    assert.deepEqual(await list({ Name: 'LIST_', SortBy: 'Name', Order: 'Desc' }), ['list_two', 'list_one']);
    assert.deepEqual(await list({ Name: 'list_', CreateUser: '999' }), []);
    assert.deepEqual(await list({ Name: 'list_', EndCreateTime: 1 }), []);
    await assert.rejects(list({ Order: 'Up' }), refused(NOT_VALID));
    await house.call(CURRENT, 'DeleteCertificate', { ProjectId, Id });
    assert.equal(await row(Id), undefined);
    await assert.rejects(house.call(CURRENT, 'GetCertificate', { ProjectId, Id }), refused(/There is no/));
  });

  it('keeps the password of a credential sealed, and the later one counts', async () => {
    const credential = (Password: string, more: object = {}) => ({
      IdentifyCredential: JSON.stringify({ ProjectId: String(ProjectId), UserId: '42', UserType: 'SubAccount', DataSource: { Type: 'starrocks', InstanceId: 'c-1', InstanceName: 'main', Role: 'RegularUser', UserName: 'ada', Password, ...more } }),
    });
    const { Data, RequestId } = await house.call(CURRENT, 'CreateIdentifyCredential', credential('first-password-here'));
    assert.deepEqual({ ...(JSON.parse(String(Data)) as object), Id: '' }, { Id: '', UserId: '42', UserType: 'SubAccount', Type: 'starrocks', InstanceId: 'c-1', UserName: 'ada', Role: 'RegularUser' });
    await house.call(CURRENT, 'CreateIdentifyCredential', credential('second-password-here', { Role: 'Admin' }));
    const rows = await house.database.rows<{ role: string }>('select * from identify_credential');
    assert.deepEqual(rows.map((one) => one.role), ['Admin']);
    assert.ok(!JSON.stringify(rows).includes('password-here'));
    assert.ok(String(RequestId).length > 0);
    await assert.rejects(house.call(CURRENT, 'CreateIdentifyCredential', credential('x', { Type: 'oracle' })), refused(NOT_VALID));
    await assert.rejects(house.call(CURRENT, 'CreateIdentifyCredential', credential('')), refused(NOT_VALID));
    await assert.rejects(house.call(CURRENT, 'CreateIdentifyCredential', {}), refused(NOT_VALID));
  });
});
