// The page's entry: reads the site's manifest, makes the parts, and connects them.

import { Engine } from "./engine.mjs";
import { Painter } from "./painter.mjs";
import { Recorder, saveCanvas } from "./recorder.mjs";
import { Sources } from "./source.mjs";
import { Styles } from "./styles.mjs";
import { $, listenToControls, listenToFiles, say, showEngine, showMirrored, showProgress, showSource } from "./ui.mjs";

/** Makes the parts of the page, and returns what the controls act on. */
function build(manifest) {
  let backend; // "webgpu" or "wasm", once the worker knows
  const engine = new Engine(manifest, {
    started: (message) => {
      ({ backend } = message);
      showEngine(message);
    },
    progress: showProgress,
    failed: (text) => say(text, "error"),
  });
  const styles = new Styles(manifest.models);
  const recorder = new Recorder($("stylized"));
  const sources = new Sources({
    changed: (source) => {
      recorder.stop();
      painter.startSource(source);
      showSource(source, backend);
    },
    repaint: () => painter.repaint(),
    showScene: () => painter.showScene(),
  });
  const painter = new Painter({ engine, sources, styles, recorder, scene: manifest.scene });
  return { styles, sources, painter, recorder };
}

function listen({ styles, sources, painter, recorder }) {
  $("camera").onclick = () => sources.toggleCamera();
  $("switch").onclick = () => sources.switchCamera();
  $("mirror").onclick = () => {
    sources.current.mirrored = !sources.current.mirrored;
    showMirrored(sources.current.mirrored);
  };
  $("save").onclick = () => saveCanvas(painter.canvas, painter.shownStyle.name);
  $("record").onclick = () => recorder.toggle(sources.current, styles.chosen.name);
  listenToFiles((file) => sources.openFile(file));
  listenToControls(() => painter.repaint());
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
  const { styles, painter } = parts;
  styles.list(() => painter.showStyle());
  listen(parts);
  styles.choose(styles.opening, { link: false });
  await painter.showScene();
}

begin();
