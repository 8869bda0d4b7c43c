import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The version of Apache Kafka that the relay is tested against. */
export const KAFKA_VERSION = '4.1.0';

/** Jars are kept between runs and shared by all checkouts. */
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'millrace', `kafka-${KAFKA_VERSION}`);

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace</groupId>
  <artifactId>kafka-broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${KAFKA_VERSION}</version>
    </dependency>
  </dependencies>
</project>
`;

/** The major version of `java`, or undefined where there is none. */
async function javaVersion(): Promise<number | undefined> {
  const said = await run('java', ['-version']).then(
    ({ stdout, stderr }) => `${stdout}${stderr}`,
    () => '',
  );
  const [, major] = /version "(\d+)/.exec(said) ?? [];
  return major === undefined ? undefined : Number(major);
}

/**
 * The folder with the jars of Kafka, fetched by Maven from its central repository when they are not there yet. A text, why not, where Java 17 or Maven
 * is missing. MILLRACE_TEST_KAFKA_JARS may name a folder that has them.
 */
export async function kafkaJars(): Promise<{ readonly folder: string } | { readonly missing: string }> {
  const java = await javaVersion();
  if (java === undefined || java < 17) return { missing: `Apache Kafka needs Java 17, and there is ${java === undefined ? 'no java' : `Java ${java}`}` };
  const given = process.env['MILLRACE_TEST_KAFKA_JARS'];
  if (given !== undefined && given !== '') return { folder: given };
  if (existsSync(join(cache, `kafka_2.13-${KAFKA_VERSION}.jar`))) return { folder: cache };
  const work = join(tmpdir(), `millrace-kafka-jars-${process.pid}`);
  try {
    await mkdir(join(work, 'jars'), { recursive: true });
    await writeFile(join(work, 'pom.xml'), pom);
    await run('mvn', ['-q', '-B', '-f', join(work, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${join(work, 'jars')}`, '-DincludeScope=runtime'], { timeout: 300_000 });
    await mkdir(join(cache, '..'), { recursive: true });
    // Another test may have been faster. The rename makes a whole folder appear at once.
    await rename(join(work, 'jars'), cache).catch(async (error: unknown) => {
      if (!existsSync(cache) || (await readdir(cache)).length === 0) throw error;
    });
    return { folder: cache };
  } catch (error) {
    return { missing: `the jars of Apache Kafka could not be fetched by Maven: ${(error as Error).message.split('\n')[0]}` };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Why tests against Kafka are left out here, or false when they run. With MILLRACE_TEST_KAFKA=required they must run. */
export async function kafkaSkip(): Promise<string | false> {
  const jars = await kafkaJars();
  if (!('missing' in jars)) return false;
  if (process.env['MILLRACE_TEST_KAFKA'] === 'required') throw new Error(jars.missing);
  return jars.missing;
}
