// One file out of a zip archive: the end record points at the central directory, that at the file's local header, and behind
// it lies the file, stored or deflated. Enough for the archive that carries Helm, so that no unzip has to be installed.
import {inflateRawSync} from 'node:zlib';

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;
const endSize = 22;

/** The bytes of `name` in the archive; throws when it is not there. */
export function unzip(archive, name) {
  // A comment of at most 64 KB may follow the end record.
  let end = archive.length - endSize;
  while (end >= 0 && archive.readUInt32LE(end) !== endSignature) end--;
  if (end < 0) throw new Error('not a zip archive: it has no end record');

  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== entrySignature) throw new Error(`the zip archive's directory is damaged at byte ${at}`);
    const method = archive.readUInt16LE(at + 10);
    const packedSize = archive.readUInt32LE(at + 20);
    const nameSize = archive.readUInt16LE(at + 28);
    if (archive.toString('utf8', at + 46, at + 46 + nameSize) === name) {
      const local = archive.readUInt32LE(at + 42);
      const from = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const packed = archive.subarray(from, from + packedSize);
      return method === 0 ? packed : inflateRawSync(packed);
    }

    at += 46 + nameSize + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }

  throw new Error(`the zip archive has no ${name}`);
}
