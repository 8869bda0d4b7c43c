import type { TestHouse } from './house.ts';

let count = 0;

/** Keeps a file as if the tenant of the house had uploaded it. Answers the address under which requests name it. */
export async function testUpload(house: TestHouse, name: string, content: Buffer | string): Promise<string> {
  const tenant = await house.database.row<{ id: number }>('select min(id) as id from tenant');
  const key = `${tenant?.id}/${(count += 1)}/${name}`;
  await house.database.run('insert into upload (key, tenant_id, content, created_at) values ($1, $2, $3, now())', [key, tenant?.id, Buffer.from(content)]);
  return `http://millrace.files.test:8443/${key}`;
}
