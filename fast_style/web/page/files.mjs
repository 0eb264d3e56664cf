// Files that come to the page: chosen, dropped or pasted. What is no file is refused in words.

import { $, say } from "./ui.mjs";

const LINK = "That is a picture on another page, not a file, and this page fetches nothing from elsewhere. Save it first, then drop the file; or copy the picture itself and paste it here.";
const NOTHING = "There is no picture in what was %s. Drop, paste or choose a photo or a video.";

/** Calls `open(file)` for each file that is chosen, dropped or pasted. */
export function listenToFiles(open) {
  $("choose").onclick = () => $("file").click();
  $("file").onchange = () => {
    if ($("file").files[0]) open($("file").files[0]);
    $("file").value = ""; // so that the same file can be chosen again
  };
  addEventListener("paste", ({ clipboardData }) => take(clipboardData, "pasted", open));
  let depth = 0; // how many nested elements something is dragged over
  const enter = (by) => $("picture").classList.toggle("dropping", (depth = Math.max(0, depth + by)) > 0);
  const isWelcome = ({ dataTransfer }) => ["Files", "text/uri-list"].some((type) => dataTransfer?.types.includes(type));
  addEventListener("dragenter", (event) => isWelcome(event) && enter(1));
  addEventListener("dragleave", (event) => isWelcome(event) && enter(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    enter(-depth);
    take(event.dataTransfer, "dropped", open);
  });
}

/** Opens the file of a drop or a paste. An image dragged from another tab is one in some browsers, an address in others. */
function take(transfer, how, open) {
  const file = [...transfer.files].find(({ type }) => /^(image|video)\//.test(type)) ?? transfer.files[0];
  if (file) return open(file);
  const isLink = transfer.types.includes("text/uri-list") || /^https?:\/\/\S+$/.test(transfer.getData("text/plain").trim());
  say(isLink ? LINK : NOTHING.replace("%s", how), "warning");
}
