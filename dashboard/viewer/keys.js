// Every key, once: what it does and what the help sheet says. Where OHIF has a default, it is that.

const keyOf = (says, shown, keys, does) => ({ says, shown, keys, does });

const KEYS = [
  ["Tools for the left button or one finger", [
    keyOf("window and level", "W", ["w"], (v) => v.choose("window")),
    keyOf("pan", "P", ["p"], (v) => v.choose("pan")),
    keyOf("zoom", "Z", ["z"], (v) => v.choose("zoom")),
    keyOf("magnifier, while held", "M", ["m"], (v) => v.holdLens(true)),
    keyOf("distance", "D", ["d"], (v) => v.choose("length")),
    keyOf("angle", "A", ["a"], (v) => v.choose("angle")),
    keyOf("rectangle and ellipse with values", "B E", ["b", "e"],
      (v, key) => v.choose(key === "b" ? "rectangle" : "ellipse")),
    keyOf("delete the chosen, else the last measurement", "Delete", ["Delete", "Backspace"],
      (v) => deleteMark(v)),
    keyOf("the chosen tool (window, pan, zoom) in steps", "Shift + arrows",
      ["S+ArrowLeft", "S+ArrowRight", "S+ArrowUp", "S+ArrowDown"], (v, key) => v.nudge(key)),
    keyOf("leave a tool, a measurement or this sheet", "Esc", ["Escape"], (v) => v.leave()),
  ]],
  ["View", [
    keyOf("rotate right, rotate left", "R L", ["r", "l"],
      (v, key) => v.turn(key === "r" ? TURN_RIGHT : TURN_LEFT)),
    keyOf("flip horizontally, vertically", "H V", ["h", "v"],
      (v, key) => v.turn(key === "h" ? FLIP_ACROSS : FLIP_DOWN)),
    keyOf("invert greys", "I", ["i"], (v) => v.toggleInvert()),
    keyOf("zoom in, zoom out", "+ −", ["+", "-"], (v, key) => v.zoomBy(key === "+" ? 1.25 : 0.8)),
    keyOf("fit", "=", ["="], (v) => v.fit()),
    keyOf("reset the view; measurements stay", "Space", [" "], (v) => v.reset()),
    keyOf("window preset", "1 … 9", [..."123456789"], (v, key) => v.usePresetNumber(Number(key))),
  ]],
  ["Images of a stack", [
    keyOf("next, previous", "↓ ↑", ["ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft"],
      (v, key) => v.scroll(key === "ArrowDown" || key === "ArrowRight" ? 1 : -1)),
    keyOf("ten on, ten back", "Page", ["PageDown", "PageUp"],
      (v, key) => v.scroll(key === "PageDown" ? 10 : -10)),
    keyOf("first, last", "Home End", ["Home", "End"],
      (v, key) => v.scroll(key === "Home" ? -Infinity : Infinity)),
    keyOf("cine", "C", ["c"], (v) => v.toggleCine()),
  ]],
  ["What lies on the image", [
    keyOf("evidence map", "O", ["o"], (v) => v.set({ isOverlayShown: !v.view.isOverlayShown })),
    keyOf("texts of the patient and study", "T", ["t"],
      (v) => v.set({ isIdentityShown: !v.view.isIdentityShown })),
    keyOf("this sheet", "?", ["?"], (v) => v.toggleHelp()),
  ]],
];

function buildHelp(viewer) {
  const groups = KEYS.map(([title, keys]) => make("section", {}, make("h3", {}, title),
    make("dl", {}, ...keys.flatMap(({ shown, says }) =>
      [make("dt", {}, shown), make("dd", {}, says)]))));
  const mouse = make("section", {}, make("h3", {}, "Mouse and touch"), make("dl", {},
    ...[["drag", "the chosen tool"], ["Shift-drag, middle", "pan"], ["right drag", "zoom"],
      ["wheel", "zoom; images of a stack (then Ctrl-wheel zooms)"], ["two fingers", "zoom and pan"]]
      .flatMap(([what, says]) => [make("dt", {}, what), make("dd", {}, says)])));
  const close = button("Close", "Close this sheet (Esc)", "viewer-help-close",
    () => viewer.toggleHelp(false));
  return make("div", { className: "help", role: "dialog", "aria-label": "Keys of the viewer",
    tabIndex: -1, hidden: true, dataset: { testid: "viewer-help" } },
  make("div", { className: "help-columns" }, ...groups, mouse), close);
}

function listenToKeys(viewer, node) {
  const doers = new Map(KEYS.flatMap(([, keys]) => keys.flatMap((k) =>
    k.keys.map((key) => [key, k.does]))));
  node.addEventListener("keydown", (event) => {
    if (!viewer.pixels || event.ctrlKey || event.metaKey || event.altKey) return;
    const kind = event.target.tagName;
    if (kind === "INPUT" || kind === "SELECT") {
      if (event.key === "Escape") viewer.canvas.focus({ preventScroll: true });
      event.stopPropagation();
      return;
    }
    if (kind === "BUTTON" && (event.key === " " || event.key === "Enter")) return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const key = event.shiftKey && name.startsWith("Arrow") ? `S+${name}` : name;
    const does = doers.get(key);
    if (!does) return;
    does(viewer, key);
    event.preventDefault();
    event.stopPropagation();  // Streamlit's own keys (R reruns, C clears its cache) stay out of it
  });
  node.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "m") viewer.holdLens(false);
  });
  node.addEventListener("focusout", () => viewer.holdLens(false));
}
