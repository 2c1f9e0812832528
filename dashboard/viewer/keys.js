// Every key, once: what it does and what the help sheet says. Where OHIF has a default, it is that.

const keyOf = (says, shown, keys, does) => ({ says, shown, keys, does });

const keyGroups = () => [
  [t("Tools for the left button or one finger"), [
    keyOf(t("window and level"), "W", ["w"], (v) => v.choose("window")),
    keyOf(t("pan"), "P", ["p"], (v) => v.choose("pan")),
    keyOf(t("zoom"), "Z", ["z"], (v) => v.choose("zoom")),
    keyOf(t("magnifier, while held"), "M", ["m"], (v) => v.pane.holdLens(true)),
    keyOf(t("distance"), "D", ["d"], (v) => v.choose("length")),
    keyOf(t("angle"), "A", ["a"], (v) => v.choose("angle")),
    keyOf(t("rectangle and ellipse with values"), "B E", ["b", "e"],
      (v, key) => v.choose(key === "b" ? "rectangle" : "ellipse")),
    keyOf(t("delete the chosen, else the last measurement"), t("Delete"), ["Delete", "Backspace"],
      (v) => deleteMark(v.pane)),
    keyOf(t("undo, redo measurements"), "Ctrl-Z Ctrl-Y", ["C+z", "C+y", "C+S+z"],
      (v, key) => step(v.pane, key === "C+z")),
    keyOf(t("the chosen tool (window, pan, zoom) in steps"), t("Shift-arrows"),
      ["S+ArrowLeft", "S+ArrowRight", "S+ArrowUp", "S+ArrowDown"], (v, key) => v.pane.nudge(key)),
    keyOf(t("leave a tool, a measurement or this sheet"), "Esc", ["Escape"], (v) => v.leave()),
  ]],
  [t("Measuring by keyboard"), [
    keyOf(t("crosshair that reads pixels, on or off"), "X", ["x"], (v) => toggleCross(v.pane)),
    keyOf(t("move crosshair or measurement; with Shift by ten"), "← ↑ → ↓", [], null),
    keyOf(t("with a measuring tool: place the next point"), "Enter", [], null),
    keyOf(t("next, previous measurement; Enter takes up its points"), "Tab", [], null),
  ]],
  [t("View of the image"), [
    keyOf(t("rotate right, rotate left"), "R L", ["r", "l"],
      (v, key) => v.pane.turn(key === "r" ? TURN_RIGHT : TURN_LEFT)),
    keyOf(t("flip horizontally, vertically"), "H V", ["h", "v"],
      (v, key) => v.pane.turn(key === "h" ? FLIP_ACROSS : FLIP_DOWN)),
    keyOf(t("invert greys"), "I", ["i"], (v) => v.pane.toggleInvert()),
    keyOf(t("zoom in, zoom out"), "+ −", ["+", "-"],
      (v, key) => v.pane.zoomBy(key === "+" ? 1.25 : 0.8)),
    keyOf(t("fit"), "=", ["="], (v) => v.pane.fit()),
    keyOf(t("reset the view; measurements stay"), t("Space"), [" "], (v) => v.reset()),
    keyOf(t("window preset"), "1 … 9", [..."123456789"],
      (v, key) => v.pane.usePresetNumber(Number(key))),
  ]],
  [t("Images of a stack, and two side by side"), [
    keyOf(t("next, previous image"), "↓ ↑", ["ArrowDown", "ArrowUp"],
      (v, key) => v.pane.scroll(key === "ArrowDown" ? 1 : -1)),
    keyOf(t("next, previous image; side by side, the other pane"), "→ ←",
      ["ArrowRight", "ArrowLeft"], (v, key) => v.goTo(key === "ArrowRight" ? 1 : -1)),
    keyOf(t("ten on, ten back"), t("Page"), ["PageDown", "PageUp"],
      (v, key) => v.pane.scroll(key === "PageDown" ? 10 : -10)),
    keyOf(t("first, last"), "Home End", ["Home", "End"],
      (v, key) => v.pane.scroll(key === "Home" ? -Infinity : Infinity)),
    keyOf(t("cine"), "C", ["c"], (v) => v.pane.toggleCine()),
    keyOf(t("one image, or two side by side"), "S", ["s"],
      (v) => v.setLayout(v.isDouble ? 1 : 2)),
  ]],
  [t("What lies on the image"), [
    keyOf(t("evidence map"), "O", ["o"],
      (v) => v.pane.set({ isOverlayShown: !v.pane.view.isOverlayShown })),
    keyOf(t("texts of the patient and study"), "T", ["t"],
      (v) => v.pane.set({ isIdentityShown: !v.pane.view.isIdentityShown })),
    keyOf(t("add what is shown to the report"), "K", ["k"], (v) => addToReport(v)),
    keyOf(t("this sheet"), "?", ["?"], (v) => v.toggleHelp()),
  ]],
];

function buildHelp(viewer) {
  const listOf = (title, rows) => make("section", {}, make("h3", {}, title), make("dl", {},
    ...rows.flatMap(([shown, says]) => [make("dt", {}, shown), make("dd", {}, says)])));
  const groups = keyGroups().map(([title, keys]) =>
    listOf(title, keys.map(({ shown, says }) => [shown, says])));
  const mouse = listOf(t("Mouse and touch"), [
    [t("drag"), t("the chosen tool")], [t("Shift-drag, middle"), t("pan")],
    [t("right drag"), t("zoom")],
    [t("wheel"), t("zoom; images of a stack (then Ctrl-wheel zooms)")],
    [t("two fingers"), t("zoom and pan")]]);
  const close = button(t("Close"), t("Close this sheet (Esc)"), "viewer-help-close",
    () => viewer.toggleHelp(false));
  return make("div", { className: "help", role: "dialog", "aria-label": t("Keys of the viewer"),
    tabIndex: -1, hidden: true, dataset: { testid: "viewer-help" } },
  make("div", { className: "help-columns" }, ...groups, mouse), close);
}

// "C+" and "S+" stand for Ctrl (or Command) and Shift, where they matter.
function nameOf(event) {
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) return `C+${event.shiftKey ? "S+" : ""}${name}`;
  return event.shiftKey && name.startsWith("Arrow") ? `S+${name}` : name;
}

function listenToKeys(viewer, node) {
  const doers = new Map(keyGroups().flatMap(([, keys]) => keys.flatMap((k) =>
    k.keys.map((key) => [key, k.does]))));
  node.addEventListener("keydown", (event) => {
    const { pane } = viewer;
    if (!pane.pixels || event.altKey) return;
    const kind = event.target.tagName;
    if (kind === "INPUT" || kind === "SELECT") {
      if (event.key === "Escape") pane.canvas.focus({ preventScroll: true });
      event.stopPropagation();
      return;
    }
    if (kind === "BUTTON" && (event.key === " " || event.key === "Enter")) return;
    const isOnImage = event.target === pane.canvas;
    const isTaken = isOnImage && !event.ctrlKey && !event.metaKey && viewer.help.hidden
      && (event.key === "Tab" ? walkMarks(pane, event.shiftKey) : crosshairKey(pane, event));
    const key = nameOf(event), does = doers.get(key);
    if (!isTaken && !does) return;
    if (!isTaken) does(viewer, key);
    event.preventDefault();
    event.stopPropagation();  // Streamlit's own keys (R reruns, C clears its cache) stay out of it
  });
  node.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "m") viewer.pane.holdLens(false);
  });
  node.addEventListener("focusout", () => {
    for (const pane of viewer.panes.filter((one) => one.pixels)) {
      pane.holdLens(false);
      releaseMark(pane);
    }
  });
}
