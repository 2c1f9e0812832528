// One image on its canvas: its state and its painting. Nothing here waits for the server.

const FRESH_VIEW = {
  preset: "", center: 0, width: 1, isFlipped: false, frame: 0, zoom: 1, panX: 0, panY: 0,
  turn: UPRIGHT,
};
// The same in every pane.
const SHARED_VIEW = {
  tool: "window", isOverlayShown: true, mode: "both", opacity: 0.7, threshold: 0.2,
  detail: "smooth", scale: "own", isIdentityShown: true, speed: 8,
};
const LENS = { radius: 95, factor: 3 };  // CSS pixels; times what is seen around it

class Pane {
  constructor(whole, name) {
    this.whole = whole;
    this.view = { ...FRESH_VIEW, ...SHARED_VIEW };
    this.strongestSeen = new Map();  // per finding, for a scale shared by all
    this.marks = [];
    forgetSteps(this);
    this.grey = document.createElement("canvas");
    this.canvas = make("canvas", { tabIndex: 0, role: "application",
      dataset: { testid: `${name}-canvas` } });
    const texts = (places, style) => Object.fromEntries(places.map((place) => [place,
      make("div", { className: `corner ${style}${place}`,
        dataset: { testid: `${name}-${style.trim() ? "side-" : ""}${place}` } })]));
    this.corner = texts(["top-left", "top-right", "bottom-left", "bottom-right"], "");
    this.sides = texts(["left", "right", "top", "bottom"], "side ");
    this.legend = make("div", { className: "legend", "aria-hidden": "true" },
      make("span", { className: "for" }, t("▲ for")), make("i"),
      make("span", { className: "against" }, t("▼ against")));
    this.tip = make("div", { className: "tip", hidden: true, dataset: { testid: `${name}-tip` } });
    this.stage = make("div", { className: "stage" }, this.canvas, ...Object.values(this.corner),
      ...Object.values(this.sides), this.legend, this.tip);
    this.label = make("div", { className: "pane-label", dataset: { testid: `${name}-label` } });
    this.node = make("div", { className: "pane" }, this.label, this.stage);
    listenToPointers(this);
    this.canvas.addEventListener("focus", () => whole.activate(this));
  }

  take(header, map) {
    const isOtherStack = header.stack !== this.header?.stack;
    this.header = header;
    this.layers = map ? new Layers(map, header.overlay) : null;
    this.hasMap = Boolean(this.layers) || header.overlay.markers.length > 0;
    this.hovered = null;
    this.stage.style.height = `${header.height}px`;
    const fill = (place, lines) => this.corner[place].replaceChildren(
      ...lines.map((line) => make("div", {}, line)));
    fill("top-left", header.corners.patient);
    fill("top-right", header.corners.study);
    if (isOtherStack) this.waitForPixels();
    this.paintSoon();
  }

  waitForPixels() {
    this.stopWaiting?.();
    this.pixels = null;
    this.blank();
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

  // Nothing of the image before stays under the texts of the next one.
  blank() {
    this.canvas.width = this.canvas.height = 1;
    this.canvas.dataset.ready = "false";
    this.toggleCine(false);
    this.tip.hidden = true;
  }

  start() {
    const [, rows, columns] = this.pixels.shape;
    Object.assign(this.grey, { width: columns, height: rows });  // which also empties it
    this.greyKey = null;
    this.greyImage = this.grey.getContext("2d").createImageData(columns, rows);
    this.marks = [];
    this.chosenMark = this.unfinished = this.grasp = this.placing = this.held = this.cross = null;
    forgetSteps(this);
    this.presets = presetsOf(this);
    this.reset();
    recall(this);
    this.whole.started(this);
  }

  reset() {
    if (!this.pixels) return;
    const first = this.presets[0];
    const frame = Math.min(this.header.overlay.frame, this.pixels.shape[0] - 1);
    this.change({ ...FRESH_VIEW, frame,
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
    this.set({ turn: turnedBy(this.view.turn, change) });
    this.change({ panX: a * panX + b * panY, panY: c * panX + d * panY });
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

  // Change this pane and whatever is linked to it.
  set(changes) {
    this.change(changes);
    this.whole.follow(this, changes);
  }

  change(changes) {
    const isByHand = ("center" in changes || "width" in changes) && !("preset" in changes);
    const isOtherFrame = "frame" in changes && changes.frame !== this.view.frame;
    if (isOtherFrame && this.pixels) releaseMark(this);
    if (isOtherFrame && this.placing) dropUnfinished(this);
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

  // A step of the chosen tool by the arrow keys.
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
    requestAnimationFrame(() => { this.isPaintDue = false; if (this.pixels) paintPane(this); });
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
    this.probeText = isInside ? t("row {row}  column {column}  value {value} {unit}",
      { row, column, value, unit: this.header.unit }).trimEnd() : "";
    this.corner["bottom-right"].firstChild?.replaceChildren(this.probeText);
    this.hover(isInside && this.isMapped && this.layers?.at.has(this.view.frame)
      ? this.layers.regionAt(at, this.view.frame, this.view, this.mapScale()) : null);
  }

  hover(region) {
    if (region?.label !== this.hovered?.label) {
      this.paintSoon();
      lightRows(this, region);
    }
    this.hovered = region;
    this.canvas.dataset.region = region ? `${region.signed},${region.share}` : "";
    this.tip.hidden = !region;
    if (!region) return;
    this.tip.textContent = regionWords(this, region);
    const { x, y } = this.pointer;
    this.tip.style.left = `${Math.max(0, Math.min(x + 14, this.stage.clientWidth - this.tip.offsetWidth - 4))}px`;
    this.tip.style.top = `${Math.min(y + 16, this.stage.clientHeight - 30)}px`;
  }

  forgetPointer() {
    this.hover(null);
    this.pointer = null;
    this.canvas.dataset.probe = this.probeText = "";
    this.paintSoon();
  }
}
