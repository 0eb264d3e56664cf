// Files that the worker needs: fetched with progress, checked against the manifest, and kept for the next visit.

/** The cache's name. It holds files by address; a file that changed has another address. */
const CACHE = `fast-style ${new URL(".", import.meta.url).pathname}`;

/** An error whose message is written for the visitor. */
export class Problem extends Error {}

/** Returns the first line of an error's message; libraries add several of their own. */
export const firstLine = (error) => `${error?.message ?? error}`.split("\n")[0];

/**
 * Fetches files, or takes them from the cache.
 *
 * @param {{url: string, bytes: number, integrity: string}[]} entries Files of the manifest.
 * @param {string} what Their common name, for messages.
 * @param {(done: number, total: number) => void} progress Called with the bytes that have arrived.
 * @returns {Promise<ArrayBuffer[]>} Their contents.
 * @throws {Problem} A file can't be fetched, or its checksum is not the manifest's.
 */
export async function fetchChecked(entries, what, progress) {
  const total = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const done = entries.map(() => 0);
  const report = (index, bytes) => {
    done[index] = bytes;
    progress(done.reduce((a, b) => a + b), total);
  };
  return Promise.all(entries.map((entry, index) => fetchOnce(entry, what, (bytes) => report(index, bytes))));
}

const underway = new Map(); // address -> {promise, reports}

/** Fetches a file, or joins the download of it that is under way; whoever asked first may have lost interest in it. */
function fetchOnce(entry, what, report) {
  const address = addressOf(entry.url);
  let download = underway.get(address);
  if (!download) {
    const reports = new Set();
    const promise = fetchOne(entry, what, (bytes) => reports.forEach((each) => each(bytes)));
    download = { promise: promise.finally(() => underway.delete(address)), reports };
    underway.set(address, download);
  }
  download.reports.add(report);
  return download.promise;
}

async function fetchOne({ url, integrity }, what, report) {
  const address = addressOf(url);
  const cache = await openCache();
  const kept = await cache?.match(address);
  if (kept) {
    const bytes = await kept.arrayBuffer();
    if (await matches(bytes, integrity)) return bytes;
    await cache.delete(address);
  }
  let response;
  try {
    // Pages that came over plain http may not compute checksums; the browser then does it, once the file has arrived.
    response = await fetch(address, self.crypto.subtle ? {} : { integrity });
  } catch {
    const or = self.crypto.subtle ? "" : ", or it isn’t the file that the site names";
    throw new Problem(`${what} can’t be fetched${or}. Check the connection, then try again.`);
  }
  if (!response.ok) throw new Problem(`${what} isn’t there: the server says ${response.status}.`);
  const bytes = await readAll(response, what, report);
  if (!(await matches(bytes, integrity)))
    throw new Problem(`${what} isn’t the file that the site names (another checksum), so it isn’t run. Reload, or tell the site’s owner.`);
  await cache?.put(address, new Response(bytes)).catch(() => {}); // a full disk: it is fetched again next time
  return bytes;
}

async function readAll(response, what, report) {
  const parts = [];
  let done = 0;
  try {
    for (const reader = response.body.getReader(); ; ) {
      const { value, done: over } = await reader.read();
      if (over) break;
      parts.push(value);
      report((done += value.length));
    }
  } catch (error) {
    throw new Problem(`The connection was lost while ${what} was fetched (${firstLine(error)}). Try again.`);
  }
  return new Blob(parts).arrayBuffer();
}

async function matches(bytes, integrity) {
  if (!self.crypto.subtle) return true; // fetch has checked it
  const digest = new Uint8Array(await self.crypto.subtle.digest("SHA-256", bytes));
  return `sha256-${btoa(String.fromCharCode(...digest))}` === integrity;
}

const addressOf = (url) => new URL(url, import.meta.url).href;

/** Returns the cache, or nothing on pages that came over plain http and where the visitor forbids it. */
async function openCache() {
  try {
    return await self.caches?.open(CACHE);
  } catch {
    return undefined;
  }
}

/** Removes the models and engines of earlier editions of this site from the cache. */
export async function forgetOthers(entries) {
  const cache = await openCache();
  const known = new Set(entries.map(({ url }) => addressOf(url)));
  for (const request of (await cache?.keys()) ?? []) if (!known.has(request.url)) await cache.delete(request);
}
