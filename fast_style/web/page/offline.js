// The service worker: answers from one edition of the page, which was kept whole; see offline.mjs.
//
// Models and the painter aren't its concern: the page itself keeps them, by their checksums (downloads.mjs).

importScripts("edition.js"); // names the edition and its files; a new edition is another script, so browsers notice it

const PREFIX = `fast-style page ${self.registration.scope} `;
const { name, files, pictures } = self.EDITION;

self.addEventListener("install", (event) => {
  const fetchAll = async () => {
    const cache = await caches.open(PREFIX + name);
    // Past the browser's own cache, which may hold files of an earlier edition.
    await cache.addAll(files.map((url) => new Request(url, { cache: "reload" })));
  };
  event.waitUntil(fetchAll());
});

self.addEventListener("activate", (event) => {
  const tidyUp = async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((each) => each.startsWith(PREFIX) && each !== PREFIX + name).map((each) => caches.delete(each)));
    await self.clients.claim();
  };
  event.waitUntil(tidyUp());
});

self.addEventListener("message", ({ data }) => data === "replace" && self.skipWaiting());

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || !url.href.startsWith(self.registration.scope)) return;
  const path = url.href.slice(self.registration.scope.length).split(/[?#]/)[0];
  if (files.includes(path || "./")) event.respondWith(answer(path || "./"));
  else if (pictures.includes(path)) event.respondWith(keepPicture(path));
});

async function answer(path) {
  const cache = await caches.open(PREFIX + name);
  return (await cache.match(path)) ?? fetch(path);
}

/** Pictures are kept as they are seen. */
async function keepPicture(path) {
  const cache = await caches.open(PREFIX + name);
  const kept = await cache.match(path);
  if (kept) return kept;
  const response = await fetch(path);
  if (response.ok) await cache.put(path, response.clone());
  return response;
}
