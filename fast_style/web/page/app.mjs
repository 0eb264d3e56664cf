// The page's entry: reads the site's manifest, makes the parts, and connects them.

import { Engine } from "./engine.mjs";
import { listenToFiles } from "./files.mjs";
import { Keeper, copiesPictures, sharesFiles } from "./keeper.mjs";
import { listenForUpdates } from "./offline.mjs";
import { Painter } from "./painter.mjs";
import { Recorder } from "./recorder.mjs";
import { Samples } from "./samples.mjs";
import { Sources } from "./source.mjs";
import { Styles } from "./styles.mjs";
import { $, listenToCancel, listenToControls, say, showEngine, showMirrored, showSource } from "./ui.mjs";

/** Makes the parts of the page, and returns what the controls act on. */
function build(manifest) {
  let backend; // "webgpu" or "wasm", once the worker knows
  const engine = new Engine(manifest, {
    started: (message) => {
      ({ backend } = message);
      showEngine(message);
    },
    failed: (text) => say(text, "error"),
  });
  const styles = new Styles(manifest.models);
  const recorder = new Recorder($("stylized"));
  const sources = new Sources({
    changed: (source) => {
      recorder.stop();
      keeper.cancel();
      styles.forgetPreviews();
      showSource(source, backend);
      painter.startSource(source);
    },
    repaint: () => repaint(),
    showScene: () => painter.showScene(),
  });
  const preview = () => {
    const { kind, width, height } = sources.current;
    if (kind !== "photo" || navigator.connection?.saveData) return;
    styles.preview(engine, painter.takeWhole(Styles.previewSide(width(), height())).image);
  };
  const painter = new Painter({ engine, sources, styles, recorder, scene: manifest.scene, idle: preview });
  const keeper = new Keeper({ engine, painter, sources, styles });
  styles.onsight = () => painter.isIdle && preview();
  // The newest wish comes first.
  const repaint = () => {
    styles.stopPreviews();
    keeper.cancel();
    painter.repaint();
  };
  const showStyle = () => {
    styles.stopPreviews();
    keeper.cancel();
    painter.showStyle();
  };
  const samples = new Samples(manifest.samples, sources);
  return { styles, sources, painter, recorder, keeper, samples, repaint, showStyle };
}

function listen({ styles, sources, painter, recorder, keeper, samples, repaint, showStyle }) {
  $("camera").onclick = () => sources.toggleCamera();
  $("switch").onclick = () => sources.switchCamera();
  $("mirror").onclick = () => {
    sources.current.mirrored = !sources.current.mirrored;
    showMirrored(sources.current.mirrored);
  };
  $("play").onclick = () => sources.togglePlaying();
  $("seek").oninput = () => sources.seek(Number($("seek").value));
  $("save").onclick = () => keeper.save();
  $("share").hidden = !sharesFiles();
  $("share").onclick = () => keeper.share();
  $("copy").hidden = !copiesPictures();
  $("copy").onclick = () => keeper.copy();
  $("record").onclick = () => recorder.toggle(sources.current, styles.chosen.name);
  $("surprise").onclick = async () => {
    styles.choose(styles.surprise());
    if (sources.current.kind !== "scene" || !(await samples.openAny())) showStyle();
  };
  listenToFiles((file) => sources.openFile(file));
  listenToCancel(() => {
    keeper.cancel();
    painter.cancel();
  });
  listenToControls(repaint);
}

async function begin() {
  $("inert").hidden = true;
  let manifest;
  try {
    const response = await fetch("site.json", { cache: "no-cache" });
    if (!response.ok) throw new Error(`the server says ${response.status}`);
    manifest = await response.json();
  } catch (error) {
    return say(`The list of styles can’t be read (${error.message}). Reload the page.`, "error");
  }
  const parts = build(manifest);
  const { styles, painter, showStyle } = parts;
  styles.list(showStyle);
  listen(parts);
  styles.choose(styles.opening, { link: false });
  await painter.showScene();
  await listenForUpdates();
}

begin();
