// Visits without a connection: the service worker keeps one edition of the page whole, and an update replaces it whole.

import { $ } from "./ui.mjs";

/** Addresses that many programs share: what is kept there for this page would answer for another one tomorrow. */
const SHARED_HOSTS = ["localhost", "127.0.0.1", "[::1]"];

/** Keeps the page for visits without a connection, and offers an update of it; `?offline` does so on this machine, too. */
export async function listenForUpdates() {
  if (!navigator.serviceWorker) return;
  if (SHARED_HOSTS.includes(location.hostname) && !new URLSearchParams(location.search).has("offline")) return;
  let updating = false;
  navigator.serviceWorker.addEventListener("controllerchange", () => updating && location.reload());
  const offer = (worker) => {
    // Without a controller it is the first visit, and there is nothing to replace.
    if (!worker || !navigator.serviceWorker.controller) return;
    $("update").hidden = false;
    $("update").querySelector("button").onclick = () => {
      updating = true;
      worker.postMessage("replace");
    };
  };
  try {
    const registration = await navigator.serviceWorker.register("offline.js", { updateViaCache: "none" });
    offer(registration.waiting);
    registration.addEventListener("updatefound", () => {
      const worker = registration.installing;
      worker.addEventListener("statechange", () => worker.state === "installed" && offer(worker));
    });
  } catch (error) {
    console.info("This page can’t be kept for visits without a connection:", error.message);
  }
}
