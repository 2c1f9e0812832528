// The controls around the canvas. Every one is a native, labelled element.

function make(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(rest)) {
    if (name.startsWith("aria-") || name === "role" || name === "for") node.setAttribute(name, value);
    else node[name] = value;
  }
  Object.assign(node.dataset, dataset ?? {});
  node.append(...children);
  return node;
}

function button(text, label, testid, onclick) {
  return make("button", { type: "button", title: label, "aria-label": label, onclick,
    dataset: { testid } }, text);
}

// One of several, as a group of pressed buttons.
function choice(label, testid, options, onchange) {
  const group = make("div", { className: "choice", role: "group", "aria-label": label,
    dataset: { testid } });
  const show = (value) => {
    for (const b of group.children) b.setAttribute("aria-pressed", b.dataset.value === value);
  };
  for (const [value, text] of options) {
    group.append(make("button", { type: "button", dataset: { value, testid: `${testid}-${value}` },
      onclick: () => onchange(value) }, text));
  }
  return { node: group, show };
}

function slider(label, testid, { min, max, step }, oninput) {
  const input = make("input", { type: "range", min, max, step, "aria-label": label,
    dataset: { testid } });
  input.oninput = () => oninput(Number(input.value));
  const node = make("label", { className: "slider" }, make("span", {}, label), input);
  return { node, show: (value) => { input.value = value; }, input };
}

function numberBox(label, testid, onchange) {
  const input = make("input", { type: "number", step: "any", "aria-label": label,
    dataset: { testid } });
  input.onchange = () => Number.isFinite(input.valueAsNumber) && onchange(input.valueAsNumber);
  const node = make("label", { className: "number" }, make("span", {}, label), input);
  return { node, show: (value) => { input.value = Math.round(value * 100) / 100; } };
}

function picker(label, testid, onchange) {
  const select = make("select", { "aria-label": label, dataset: { testid } });
  select.onchange = () => onchange(select.value);
  const node = make("label", { className: "picker" }, make("span", {}, label), select);
  const fill = (options) => {
    select.replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
  };
  return { node, fill, show: (value) => { select.value = value; } };
}

function buildControls(viewer) {
  const v = viewer;
  const c = {
    tool: choice("Left mouse button or finger", "viewer-tool",
      [["window", "Window"], ["pan", "Pan"], ["zoom", "Zoom"], ["magnify", "Lens"],
        ["length", "Length"], ["angle", "Angle"], ["rectangle", "Box"], ["ellipse", "Ellipse"]],
      (tool) => v.choose(tool)),
    erase: button("Delete", "Delete the chosen, else the last measurement (Delete)",
      "viewer-delete", () => deleteMark(v)),
    texts: button("Texts", "Show or hide the texts of patient and study (T)", "viewer-texts",
      () => v.set({ isIdentityShown: !v.view.isIdentityShown })),
    preset: picker("Preset", "viewer-preset", (name) => v.usePreset(name)),
    center: numberBox("L", "viewer-center", (center) => v.set({ center })),
    width: numberBox("W", "viewer-width", (width) => v.set({ width: Math.max(1, width) })),
    invert: button("Invert", "Invert greys (I)", "viewer-invert", () => v.toggleInvert()),
    frame: slider("Image", "viewer-frame", { min: 0, max: 0, step: 1 }, (frame) => v.set({ frame })),
    cine: button("▶ Play", "Play or stop the images (C)", "viewer-cine", () => v.toggleCine()),
    speed: slider("per second", "viewer-cine-speed", { min: 1, max: 30, step: 1 },
      (speed) => v.setSpeed(speed)),
    map: button("Map", "Show or hide the map (O)", "viewer-overlay-toggle",
      () => v.set({ isOverlayShown: !v.view.isOverlayShown })),
    mode: choice("Evidence shown", "viewer-overlay-mode",
      [["for", "▲ For"], ["both", "Both"], ["against", "▼ Against"]], (mode) => v.set({ mode })),
    opacity: slider("Opacity", "viewer-overlay-opacity", { min: 0, max: 1, step: 0.05 },
      (opacity) => v.set({ opacity })),
    threshold: slider("Threshold", "viewer-overlay-threshold", { min: 0, max: 0.9, step: 0.05 },
      (threshold) => v.set({ threshold })),
    detail: picker("Detail", "viewer-overlay-detail", (detail) => v.set({ detail })),
    scale: picker("Scale", "viewer-overlay-scale", (scale) => v.set({ scale })),
    reason: make("p", { className: "reason", role: "status",
      dataset: { testid: "viewer-overlay-reason" } }),
  };
  c.detail.fill([["fine", "Fine"], ["smooth", "Smooth"], ["broad", "Broad"]]);
  c.scale.fill([["own", "This finding"], ["shared", "All findings"]]);
  const gap = () => make("span", { className: "gap" });
  c.toolBar = make("div", { className: "bar", role: "toolbar", "aria-label": "Tools" },
    c.tool.node, c.erase, gap(), c.texts,
    button("Picture", "Save what is shown as PNG; not for diagnosis", "viewer-picture",
      () => savePicture(v)),
    button("?", "All keys (?)", "viewer-keys", () => v.toggleHelp()));
  c.imageBar = make("div", { className: "bar", role: "toolbar", "aria-label": "Image" },
    c.preset.node, c.center.node, c.width.node, c.invert, gap(),
    make("div", { className: "joined" },
      button("↺", "Rotate left (L)", "viewer-rotate-left", () => v.turn(TURN_LEFT)),
      button("↻", "Rotate right (R)", "viewer-rotate-right", () => v.turn(TURN_RIGHT)),
      button("⇄", "Flip horizontally (H)", "viewer-flip-horizontal", () => v.turn(FLIP_ACROSS)),
      button("⇅", "Flip vertically (V)", "viewer-flip-vertical", () => v.turn(FLIP_DOWN))),
    make("div", { className: "joined" },
      button("−", "Zoom out (-)", "viewer-zoom-out", () => v.zoomBy(1 / 1.25)),
      button("+", "Zoom in (+)", "viewer-zoom-in", () => v.zoomBy(1.25)),
      button("Fit", "Fit the image (=)", "viewer-fit", () => v.fit())),
    button("Reset", "Reset the view (Space)", "viewer-reset", () => v.reset()));
  c.frameBar = make("div", { className: "bar frames" }, c.cine, c.speed.node, c.frame.node);
  c.overlayTools = make("div", { className: "tools" }, c.map, c.mode.node, c.opacity.node,
    c.threshold.node, c.detail.node, c.scale.node);
  c.overlayBar = make("div", { className: "bar", role: "toolbar", "aria-label": "Evidence map" },
    c.overlayTools, c.reason);
  return c;
}

function showControls(c, view, viewer) {
  c.tool.show(view.tool);
  c.preset.show(view.preset);
  c.center.show(view.center);
  c.width.show(view.width);
  c.invert.setAttribute("aria-pressed", view.isFlipped);
  c.frame.show(view.frame);
  c.speed.show(view.speed);
  c.cine.textContent = viewer.cine ? "■ Stop" : "▶ Play";
  c.cine.setAttribute("aria-pressed", Boolean(viewer.cine));
  c.texts.setAttribute("aria-pressed", view.isIdentityShown);
  c.erase.disabled = viewer.marks.length === 0;
  c.map.setAttribute("aria-pressed", view.isOverlayShown);
  c.mode.show(view.mode);
  c.opacity.show(view.opacity);
  c.threshold.show(view.threshold);
  c.detail.show(view.detail);
  c.scale.show(view.scale);
  const message = viewer.header.overlay.message;
  c.overlayTools.hidden = !viewer.hasMap;
  c.reason.hidden = viewer.hasMap;
  c.reason.classList.toggle("pending", viewer.header.overlay.is_pending);
  c.reason.textContent = message || "No map for this image.";
}
