// The bars of controls, what each of them does, and what they show of the pane in use.

function buildControls(v) {
  const set = (changes) => v.pane.set(changes);
  const c = {
    tool: choice(t("Left mouse button or finger"), "viewer-tool",
      [["window", t("Window")], ["pan", t("Pan")], ["zoom", t("Zoom")], ["magnify", t("Lens")],
        ["length", t("Length")], ["angle", t("Angle")], ["rectangle", t("Box")],
        ["ellipse", t("Ellipse")]], (tool) => v.choose(tool)),
    undo: button("⟲", t("Undo the last change of a measurement (Ctrl-Z)"), "viewer-undo",
      () => step(v.pane, true)),
    redo: button("⟳", t("Do it again (Ctrl-Y)"), "viewer-redo", () => step(v.pane, false)),
    erase: button("✕", t("Delete the chosen, else the last measurement (Delete)"),
      "viewer-delete", () => deleteMark(v.pane)),
    texts: button(t("Texts"), t("Show or hide the texts of patient and study (T)"), "viewer-texts",
      () => set({ isIdentityShown: !v.pane.view.isIdentityShown })),
    report: button(t("To report"), toReport(), "viewer-report", () => addToReport(v)),
    layout: choice(t("Images side by side"), "viewer-layout", [["1", "1"], ["2", "2"]],
      (layout) => v.setLayout(Number(layout))),
    link: button(t("Linked"), t("Window, zoom and scroll move together"), "viewer-link",
      () => v.toggleLink()),
    second: picker(t("Beside"), "viewer-second", (stack) => v.chooseSecond(stack)),
    preset: picker(t("Preset"), "viewer-preset", (name) => v.pane.usePreset(name)),
    keepPreset: naming("+", t("Keep this window under a name, in this browser"), "viewer-preset-keep",
      (name) => savePreset(v.pane, name)),
    dropPreset: button("−", t("Forget this window of yours"), "viewer-preset-drop",
      () => forgetPreset(v.pane)),
    center: numberBox("L", "viewer-center", (center) => set({ center })),
    width: numberBox("W", "viewer-width", (width) => set({ width: Math.max(1, width) })),
    invert: button(t("Invert"), t("Invert greys (I)"), "viewer-invert", () => v.pane.toggleInvert()),
    frame: slider(t("Image"), "viewer-frame", { min: 0, max: 0, step: 1 }, (frame) => set({ frame })),
    cine: button(t("▶ Play"), t("Play or stop the images (C)"), "viewer-cine",
      () => v.pane.toggleCine()),
    speed: slider(t("per second"), "viewer-cine-speed", { min: 1, max: 30, step: 1 },
      (speed) => v.pane.setSpeed(speed)),
    map: button(t("Map"), t("Show or hide the map (O)"), "viewer-overlay-toggle",
      () => set({ isOverlayShown: !v.pane.view.isOverlayShown })),
    mode: choice(t("Evidence shown"), "viewer-overlay-mode",
      [["for", t("▲ For")], ["both", t("Both")], ["against", t("▼ Against")]],
      (mode) => set({ mode })),
    opacity: slider(t("Map opacity"), "viewer-overlay-opacity", { min: 0, max: 1, step: 0.05 },
      (opacity) => set({ opacity })),
    threshold: slider(t("Threshold"), "viewer-overlay-threshold", { min: 0, max: 0.9, step: 0.05 },
      (threshold) => set({ threshold })),
    detail: picker(t("Detail"), "viewer-overlay-detail", (detail) => set({ detail })),
    scale: picker(t("Scale"), "viewer-overlay-scale", (scale) => set({ scale })),
    reason: make("p", { className: "reason", role: "status",
      dataset: { testid: "viewer-overlay-reason" } }),
  };
  c.detail.fill([["cells", t("Cells")], ["fine", t("Fine")], ["smooth", t("Smooth")],
    ["broad", t("Broad")]]);
  c.scale.fill([["own", t("This finding")], ["shared", t("All findings")]]);
  const gap = () => make("span", { className: "gap" });
  const together = (...buttons) => make("div", { className: "joined" }, ...buttons);
  c.side = together(c.layout.node, c.link);
  c.toolBar = make("div", { className: "bar", role: "toolbar", "aria-label": t("Tools") },
    c.tool.node, together(c.undo, c.redo, c.erase), gap(), c.report, c.texts,
    button(t("Picture"), t("Save what is shown as PNG; not for diagnosis"), "viewer-picture",
      () => savePicture(v)),
    button("?", t("All keys (?)"), "viewer-keys", () => v.toggleHelp()));
  c.imageBar = make("div", { className: "bar", role: "toolbar", "aria-label": t("Image") },
    c.preset.node, c.keepPreset, c.dropPreset, c.center.node, c.width.node, c.invert,
    together(
      button("↺", t("Rotate left (L)"), "viewer-rotate-left", () => v.pane.turn(TURN_LEFT)),
      button("↻", t("Rotate right (R)"), "viewer-rotate-right", () => v.pane.turn(TURN_RIGHT)),
      button("⇄", t("Flip horizontally (H)"), "viewer-flip-horizontal", () => v.pane.turn(FLIP_ACROSS)),
      button("⇅", t("Flip vertically (V)"), "viewer-flip-vertical", () => v.pane.turn(FLIP_DOWN))),
    together(
      button("−", t("Zoom out (-)"), "viewer-zoom-out", () => v.pane.zoomBy(1 / 1.25)),
      button("+", t("Zoom in (+)"), "viewer-zoom-in", () => v.pane.zoomBy(1.25)),
      button(t("Fit"), t("Fit the image (=)"), "viewer-fit", () => v.pane.fit())),
    button(t("Reset"), t("Reset the view (Space)"), "viewer-reset", () => v.reset()), c.side);
  c.frameBar = make("div", { className: "bar frames" }, c.cine, c.speed.node, c.frame.node);
  c.overlayTools = make("div", { className: "tools" }, c.map, c.mode.node, c.opacity.node,
    c.threshold.node, c.detail.node, c.scale.node);
  c.overlayBar = make("div", { className: "bar", role: "toolbar", "aria-label": t("Evidence map") },
    c.overlayTools, c.reason);
  return c;
}

// Also without pixels, which may come later: what the message says is shown at once.
function showControls(whole) {
  const { controls: c, pane, header, kept } = whole;
  if (!header) return;
  const { view } = pane;
  c.tool.show(view.tool);
  c.preset.show(view.preset);
  c.dropPreset.hidden = !pane.presets?.some((p) => p.own && p.name === view.preset);
  c.center.show(view.center);
  c.width.show(view.width);
  c.invert.setAttribute("aria-pressed", view.isFlipped);
  c.frame.show(view.frame);
  c.speed.show(view.speed);
  c.cine.textContent = pane.cine ? t("■ Stop") : t("▶ Play");
  c.cine.setAttribute("aria-pressed", Boolean(pane.cine));
  c.texts.setAttribute("aria-pressed", view.isIdentityShown);
  c.erase.disabled = pane.marks.length === 0;
  c.undo.disabled = pane.past.length === 0;
  c.redo.disabled = pane.future.length === 0;
  c.report.hidden = !header.report.is_offered;
  c.report.disabled = header.report.left <= 0 || showsOthersMap(whole);
  c.report.title = showsOthersMap(whole) ? onlyOurs() : toReport();
  c.side.hidden = header.choices.length < 2 && !whole.isDouble;
  c.layout.show(String(kept.layout));
  c.link.hidden = !whole.isDouble;
  c.link.setAttribute("aria-pressed", kept.is_linked);
  c.map.setAttribute("aria-pressed", view.isOverlayShown);
  c.mode.show(view.mode);
  c.opacity.show(view.opacity);
  c.threshold.show(view.threshold);
  c.detail.show(view.detail);
  c.scale.show(view.scale);
  const { hasMap } = whole.mapPane;
  c.overlayTools.hidden = !hasMap;
  c.reason.hidden = hasMap;
  c.reason.classList.toggle("pending", header.overlay.is_pending);
  c.reason.textContent = header.overlay.message || t("No map for this image.");
}
