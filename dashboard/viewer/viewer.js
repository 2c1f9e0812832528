// The canvas: state and painting. Nothing here waits for the server.

const FRESH_VIEW = {
  tool: "window", preset: "", center: 0, width: 1, isFlipped: false, frame: 0,
  zoom: 1, panX: 0, panY: 0, turn: UPRIGHT,
};
const LENS = { radius: 95, factor: 3 };  // CSS pixels; times what is seen around it

class Viewer {
  constructor(root) {
    this.view = { ...FRESH_VIEW, isOverlayShown: true, mode: "both", opacity: 0.7, threshold: 0.2,
      detail: "smooth", scale: "own", isIdentityShown: true, speed: 8 };
    this.strongestSeen = new Map();  // per finding, for a scale shared by all
    this.marks = [];
    this.grey = document.createElement("canvas");
    this.canvas = make("canvas", { tabIndex: 0, role: "application",
      dataset: { testid: "viewer-canvas" } });
    const texts = (places, style) => Object.fromEntries(places.map((place) => [place,
      make("div", { className: `corner ${style}${place}`,
        dataset: { testid: `viewer-${style.trim() ? "side-" : ""}${place}` } })]));
    this.corner = texts(["top-left", "top-right", "bottom-left", "bottom-right"], "");
    this.sides = texts(["left", "right", "top", "bottom"], "side ");
    this.legend = make("div", { className: "legend", "aria-hidden": "true" },
      make("span", { className: "for" }, "▲ for"), make("i"),
      make("span", { className: "against" }, "▼ against"));
    this.tip = make("div", { className: "tip", hidden: true, dataset: { testid: "viewer-tip" } });
    this.help = buildHelp(this);
    this.stage = make("div", { className: "stage" }, this.canvas, ...Object.values(this.corner),
      ...Object.values(this.sides), this.legend, this.tip, this.help);
    this.controls = buildControls(this);
    this.leftOut = make("p", { className: "reason left-out", role: "note",
      dataset: { testid: "viewer-left-out" } });
    this.keys = make("p", { className: "keys" });
    root.querySelector(".viewer")?.remove();
    const whole = make("div", { className: "viewer", dataset: { testid: "viewer" } },
      this.controls.toolBar, this.controls.imageBar, this.stage, this.controls.frameBar,
      this.leftOut, this.controls.overlayBar, this.keys);
    root.append(whole);
    listenToPointers(this);
    listenToKeys(this, whole);
    this.resizer = new ResizeObserver(() => this.paintSoon());
  }

  attach() { this.resizer.observe(this.stage); }

  detach() { this.resizer.disconnect(); this.stopWaiting?.(); this.toggleCine(false); }

  update(data) {
    if (data === this.data) return;
    this.data = data;
    const { header, arrays } = unpack(data);
    const isOtherStack = header.stack !== this.header?.stack;
    this.header = header;
    this.layers = arrays.overlay ? new Layers(arrays.overlay, header.overlay) : null;
    this.hasMap = Boolean(this.layers) || header.overlay.markers.length > 0;
    this.hovered = null;
    this.stage.style.height = `${header.height}px`;
    const fill = (place, lines) => this.corner[place].replaceChildren(
      ...lines.map((line) => make("div", {}, line)));
    fill("top-left", header.corners.patient);
    fill("top-right", header.corners.study);
    this.leftOut.textContent = header.left_out;
    this.leftOut.hidden = !header.left_out;
    if (isOtherStack) this.waitForPixels();
    this.paintSoon();
  }

  waitForPixels() {
    this.stopWaiting?.();
    this.pixels = null;
    const store = pixelStore();
    const name = this.header.stack;
    const take = () => {
      const isFirst = !this.pixels;
      this.pixels = store.stacks.get(name) ?? this.pixels;
      if (this.pixels && isFirst) this.start();  // sent again after a rerun: the view stays
    };
    store.news.addEventListener(name, take);
    this.stopWaiting = () => store.news.removeEventListener(name, take);
    take();
  }

  start() {
    const [frames, rows, columns] = this.pixels.shape;
    Object.assign(this.grey, { width: columns, height: rows });  // which also empties it
    this.greyKey = null;
    this.greyImage = this.grey.getContext("2d").createImageData(columns, rows);
    this.marks = [];
    this.chosenMark = this.unfinished = this.grasp = null;
    this.toggleCine(false);
    this.controls.frame.input.max = frames - 1;
    this.controls.frameBar.hidden = frames === 1;
    this.keys.textContent = "Click the image, then: "
      + (frames > 1 ? "wheel or ↓↑ images · Ctrl-wheel zoom" : "wheel zoom")
      + " · Shift-drag pan · Right-drag zoom · R L rotate · H V flip · Space reset · ? all keys";
    const isHounsfield = this.header.unit === "HU";
    this.presets = this.header.is_color ? [] : [...this.header.windows,
      { name: "Auto", ...autoWindow(this.pixels, 0) }, ...(isHounsfield ? CT_PRESETS : [])];
    this.controls.preset.fill([...this.presets.map((p) => [p.name, p.name]), ["", "By hand"]]);
    this.reset();
  }

  reset() {
    if (!this.pixels) return;
    const first = this.presets[0];
    const frame = Math.min(this.header.overlay.frame, this.pixels.shape[0] - 1);
    this.set({ ...FRESH_VIEW, tool: this.view.tool, frame,
      ...(first ? { preset: first.name, center: first.center, width: first.width } : {}) });
  }

  fit() { this.set({ zoom: 1, panX: 0, panY: 0 }); }

  usePreset(name) {
    const preset = this.presets.find((p) => p.name === name);
    if (preset) this.set({ preset: name, center: preset.center, width: preset.width });
  }

  usePresetNumber(number) { if (this.presets[number - 1]) this.usePreset(this.presets[number - 1].name); }

  toggleInvert() { this.set({ isFlipped: !this.view.isFlipped }); }

  turn(change) {
    const [a, b, c, d] = change;
    const { panX, panY } = this.view;
    this.set({ turn: turnedBy(this.view.turn, change),
      panX: a * panX + b * panY, panY: c * panX + d * panY });
  }

  choose(tool) {
    dropUnfinished(this);
    this.canvas.style.cursor = "";
    this.set({ tool });
  }

  leave() {
    if (!this.help.hidden) this.toggleHelp(false);
    else if (!dropUnfinished(this)) {
      if (this.view.tool !== "window") this.choose("window");
      else if (this.cine) this.toggleCine(false);
      else if (this.chosenMark) { this.chosenMark = null; this.paintSoon(); }
    }
    this.canvas.focus({ preventScroll: true });
  }

  toggleHelp(isWanted = this.help.hidden) {
    this.help.hidden = !isWanted;
    (isWanted ? this.help : this.canvas).focus({ preventScroll: true });
  }

  toggleCine(isWanted = !this.cine) {
    clearInterval(this.cine);
    this.cine = null;
    if (isWanted && this.pixels?.shape[0] > 1) {
      this.cine = setInterval(() => this.set({ frame: (this.view.frame + 1) % this.pixels.shape[0] }),
        1000 / this.view.speed);
    }
    this.paintSoon();
  }

  setSpeed(speed) {
    this.set({ speed });
    if (this.cine) this.toggleCine(true);
  }

  set(changes) {
    const isByHand = ("center" in changes || "width" in changes) && !("preset" in changes);
    Object.assign(this.view, changes, isByHand ? { preset: "" } : {});
    this.hover(null);  // regions may differ now; the pointer's next move tells
    this.paintSoon();
  }

  zoomBy(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const zoom = Math.min(40, Math.max(0.2, this.view.zoom * factor));
    const real = zoom / this.view.zoom;
    const g = this.geometry();
    this.set({ zoom, panX: this.view.panX + (1 - real) * (x - g.x),
      panY: this.view.panY + (1 - real) * (y - g.y) });
  }

  dragBy(does, dx, dy) {
    const { view } = this;
    if (does === "window" && !this.header.is_color) {
      const step = Math.max(0.5, (this.presets[0]?.width ?? 400) / 400);
      this.set({ width: Math.max(1, view.width + dx * step), center: view.center + dy * step });
    } else if (does === "pan") {
      this.set({ panX: view.panX + dx, panY: view.panY + dy });
    } else if (does === "zoom") {
      this.zoomBy(Math.exp(-dy / 150));
    } else {
      this.paintSoon();
    }
  }

  nudge(key) {
    const [dx, dy] = { "S+ArrowLeft": [-10, 0], "S+ArrowRight": [10, 0], "S+ArrowUp": [0, -10],
      "S+ArrowDown": [0, 10] }[key];
    this.dragBy(this.view.tool, dx, dy);
  }

  scroll(step) {
    const last = this.pixels.shape[0] - 1;
    this.set({ frame: Math.min(last, Math.max(0, this.view.frame + step)) });
  }

  holdLens(isHeld) {
    if (Boolean(this.isLensHeld) === isHeld) return;
    this.isLensHeld = isHeld;
    this.paintSoon();
  }

  geometry() {
    const [, rows, columns] = this.pixels.shape;
    return placeImage({ rows, columns, spacing: this.header.spacing_mm, view: this.view,
      width: this.stage.clientWidth, height: this.stage.clientHeight });
  }

  paintSoon() {
    if (this.isPaintDue || !this.pixels) return;
    this.isPaintDue = true;
    requestAnimationFrame(() => { this.isPaintDue = false; if (this.pixels) this.paint(); });
  }

  paint() {
    const started = performance.now();
    const { view, canvas, header } = this;
    const isInverted = header.is_inverted !== view.isFlipped;
    const greyKey = [header.stack, view.frame, view.center, view.width, isInverted].join();
    if (greyKey !== this.greyKey) {
      paintFrame(this.pixels, view.frame,
        { center: view.center, width: view.width, inverted: isInverted },
        new Uint32Array(this.greyImage.data.buffer));
      this.grey.getContext("2d").putImageData(this.greyImage, 0, 0);
      this.greyKey = greyKey;
    }
    const ratio = globalThis.devicePixelRatio || 1;
    const width = Math.round(this.stage.clientWidth * ratio);
    const height = Math.round(this.stage.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    const g = this.geometry();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    this.isMapped = this.hasMap && view.isOverlayShown && this.hasMapOn(view.frame);
    this.paintImage(context, g.matrix, ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (this.isMapped) paintMarkers(this, context, g);
    paintMarks(this, context, g);
    if (this.isLensHeld && this.pointer) this.paintLens(context, g, ratio);
    paintScaleBar(this, context, g);
    this.placeSides(g);
    this.legend.hidden = !this.isMapped;
    tell(this, { isInverted, milliseconds: performance.now() - started });
  }

  // The image and its map through one matrix, which may also be that of the magnifier.
  paintImage(context, matrix, ratio) {
    context.setTransform(...matrix.map((m) => m * ratio));
    const scale = Math.hypot(matrix[0], matrix[1]) * ratio;
    context.imageSmoothingEnabled = scale < 3;  // show stored pixels when magnified
    context.imageSmoothingQuality = "medium";
    context.drawImage(this.grey, 0, 0);
    if (!this.isMapped || !this.layers?.at.has(this.view.frame)) return;
    const mapScale = this.mapScale();
    const [row, column, high, wide] = this.header.overlay.box;
    context.globalAlpha = this.view.opacity;
    context.imageSmoothingEnabled = true;
    context.drawImage(this.layers.coloured(this.view.frame, this.view, mapScale),
      column, row, wide, high);
    context.globalAlpha = 1;
    if (this.hovered) {
      context.lineWidth = 1.5 / Math.hypot(matrix[0], matrix[1]);
      context.strokeStyle = "#fff";
      this.layers.traceRegion(context, this.hovered.label, this.view.frame, this.view, mapScale);
    }
  }

  paintLens(context, g, ratio) {
    const { x, y } = this.pointer;
    const [p, q, r, s, e, f] = g.matrix;
    const k = LENS.factor;
    context.save();
    context.beginPath();
    context.arc(x, y, LENS.radius, 0, 2 * Math.PI);
    context.clip();
    context.fillStyle = "#000";
    context.fill();
    this.paintImage(context, [p * k, q * k, r * k, s * k, x + (e - x) * k, y + (f - y) * k], ratio);
    context.restore();
    context.strokeStyle = "#5fcdc3";
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, LENS.radius, 0, 2 * Math.PI);
    context.stroke();
  }

  hasMapOn(frame) { return this.layers ? this.layers.at.has(frame) : frame === this.header.overlay.frame; }

  // The value drawn at full strength: the strongest of all frames, and of all findings if wanted.
  mapScale() {
    const { detail, scale } = this.view;
    this.layers.smoothed(detail);
    this.strongestSeen.set(`${detail} ${this.layers.target}`, this.layers.most);
    const seen = [...this.strongestSeen].filter(([key]) => key.startsWith(`${detail} `));
    return scale === "shared" ? Math.max(...seen.map(([, value]) => value)) : this.layers.most;
  }

  // The letters turn with the image, and stay in sight when its edges are zoomed out of it.
  placeSides(g) {
    const { sides, ends } = this.header;
    const letters = { left: sides?.[0], right: sides?.[1], top: ends?.[0], bottom: ends?.[1] };
    const seen = edgesSeen(this.view.turn);
    for (const [edge, node] of Object.entries(this.sides)) {
      node.textContent = letters[seen[edge]] ?? "";
      node.hidden = !node.textContent;
    }
    const { clientWidth, clientHeight } = this.stage;
    this.sides.left.style.left = `${Math.max(0, g.left)}px`;
    this.sides.right.style.right = `${Math.max(0, clientWidth - g.right)}px`;
    this.sides.top.style.top = `${Math.max(0, g.top)}px`;
    this.sides.bottom.style.bottom = `${Math.max(30, clientHeight - g.bottom)}px`;
  }

  // What lies under the pointer: the stored pixel, and the share of the map's region.
  probe({ x, y }) {
    this.pointer = { x, y };
    const at = toStored(this.geometry(), x, y);
    const [, rows, columns, samples] = this.pixels.shape;
    const row = Math.floor(at.row), column = Math.floor(at.column);
    const isInside = row >= 0 && column >= 0 && row < rows && column < columns;
    const index = (this.view.frame * rows + row) * columns + column;
    const value = !isInside ? "" : samples
      ? this.pixels.values.slice(index * samples, index * samples + samples).join(" ")
      : Math.round(this.pixels.values[index] * 100) / 100;
    this.canvas.dataset.probe = isInside ? `${row},${column},${value}` : "";
    this.probeText = isInside ? `row ${row}  column ${column}  value ${value} ${this.header.unit}` : "";
    this.corner["bottom-right"].firstChild?.replaceChildren(this.probeText);
    this.hover(isInside && this.isMapped && this.layers?.at.has(this.view.frame)
      ? this.layers.regionAt(at, this.view.frame, this.view, this.mapScale()) : null);
  }

  hover(region) {
    if (region?.label !== this.hovered?.label) this.paintSoon();
    this.hovered = region;
    this.canvas.dataset.region = region ? `${region.signed},${region.share}` : "";
    this.tip.hidden = !region;
    if (!region) return;
    this.tip.textContent = `${region.signed > 0 ? "+" : "−"}${Math.abs(region.signed).toFixed(2)} log-odds`
      + ` · ${Math.round(region.share * 100)} % of the map`;
    const { x, y } = this.pointer;
    this.tip.style.left = `${Math.min(x + 14, this.stage.clientWidth - 190)}px`;
    this.tip.style.top = `${Math.min(y + 16, this.stage.clientHeight - 30)}px`;
  }

  forgetPointer() {
    this.hover(null);
    this.pointer = null;
    this.canvas.dataset.probe = this.probeText = "";
    this.paintSoon();
  }
}

const viewers = new WeakMap();

export default function ({ data, parentElement }) {
  if (!viewers.has(parentElement)) viewers.set(parentElement, new Viewer(parentElement));
  const viewer = viewers.get(parentElement);
  viewer.attach();
  if (data) viewer.update(data);
  return () => viewer.detach();
}
