import { execFile } from 'node:child_process';
import { mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** The folder on a small file system that is given for it. */
export const DISK_VARIABLE = 'MILLRACE_CHAOS_DISK';
const SIZE_MB = 4_096;
const CHUNK = Buffer.alloc(1024 * 1024);

/** A file system of its own for the data folder, that can be made full. */
export interface SmallDisk {
  /** What it is, in words. */
  readonly what: string;
  readonly folder: string;
  /** From here on nothing more fits. */
  fill(): Promise<void>;
  free(): Promise<void>;
  remove(): Promise<void>;
}

/**
 * A file system in memory where this process may mount one (as root on Linux), made full by shrinking it to what it holds; or the folder that
 * MILLRACE_CHAOS_DISK names, made full by a file. It must be on a small file system that nothing else uses. A text, why not, where there is neither.
 */
export async function smallDisk(): Promise<SmallDisk | { readonly missing: string }> {
  const given = process.env[DISK_VARIABLE];
  if (given !== undefined && given !== '') return filledDisk(given);
  const folder = await mkdtemp(join(tmpdir(), 'millrace-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m,mode=0755`, 'millrace-chaos', folder]);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    return { missing: `no file system can be mounted here (${(error as Error).message.trim().split('\n').at(-1)}); name a folder on a small one in ${DISK_VARIABLE}` };
  }
  const resize = (size: string) => run('mount', ['-o', `remount,size=${size}`, folder]);
  return {
    what: 'a tmpfs shrunk to what it holds',
    folder,
    async fill() {
      // Writers go on, so that what it holds may have grown before it is shrunk.
      for (let tries = 0; ; tries += 1) {
        const { blocks, bfree, bsize } = await statfs(folder);
        try {
          await resize(String((blocks - bfree) * bsize));
          return;
        } catch (error) {
          if (tries > 50) throw error;
        }
      }
    },
    free: async () => void (await resize(`${SIZE_MB}m`)),
    async remove() {
      await run('umount', [folder]).catch(() => run('umount', ['-l', folder]));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function filledDisk(parent: string): Promise<SmallDisk> {
  const folder = await mkdtemp(join(parent, 'millrace-disk-'));
  const filler = join(folder, 'filler');
  return {
    what: `a file that fills the file system of ${parent}`,
    folder,
    async fill() {
      const file = await open(filler, 'w');
      try {
        for (const size of [CHUNK.length, 4_096]) {
          for (;;) {
            const { bytesWritten } = await file.write(CHUNK, 0, size);
            if (bytesWritten < size) break;
          }
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      } finally {
        await file.close();
      }
    },
    free: () => rm(filler, { force: true }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
