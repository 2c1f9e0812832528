// The canvas: geometry, painting, pointer and keys. Nothing here waits for the server.

const FRESH_VIEW = {
  tool: "window", preset: "", center: 0, width: 1, isFlipped: false, frame: 0,
  zoom: 1, panX: 0, panY: 0,
};
const SIGMA = { fine: 0, smooth: 1 / 64, broad: 1 / 28 };  // of the map's longer side

class Viewer {
  constructor(root) {
    this.view = { ...FRESH_VIEW, isOverlayShown: true, mode: "both", opacity: 0.7,
      threshold: 0.2, detail: "smooth", scale: "own" };
    this.strongestSeen = new Map();  // per finding, for a scale shared by all
    this.ruler = null;
    this.grey = document.createElement("canvas");
    this.canvas = make("canvas", { tabIndex: 0, role: "img", dataset: { testid: "viewer-canvas" } });
    this.corner = {};
    const corners = ["top-left", "top-right", "bottom-left", "bottom-right"].map((place) => {
      this.corner[place] = make("div", { className: `corner ${place}`,
        dataset: { testid: `viewer-${place}` } });
      return this.corner[place];
    });
    this.sides = ["left", "right"].map((edge) => make("div", { className: `corner side ${edge}`,
      dataset: { testid: `viewer-side-${edge}` } }));
    this.legend = make("div", { className: "legend", "aria-hidden": "true" },
      make("span", { className: "for" }, "▲ for"), make("i"),
      make("span", { className: "against" }, "▼ against"));
    this.stage = make("div", { className: "stage" }, this.canvas, ...corners,
      ...this.sides, this.legend);
    this.controls = buildControls(this);
    this.frameBar = make("div", { className: "bar" }, this.controls.frame.node);
    this.leftOut = make("p", { className: "reason left-out", role: "note",
      dataset: { testid: "viewer-left-out" } });
    this.keys = make("p", { className: "keys" });
    root.querySelector(".viewer")?.remove();
    root.append(make("div", { className: "viewer", dataset: { testid: "viewer" } },
      this.controls.imageBar, this.stage, this.frameBar, this.leftOut,
      this.controls.overlayBar,
      this.keys));
    this.listen();
    this.resizer = new ResizeObserver(() => this.paintSoon());
  }

  attach() { this.resizer.observe(this.stage); }

  detach() { this.resizer.disconnect(); this.stopWaiting?.(); }

  update(data) {
    if (data === this.data) return;
    this.data = data;
    const { header, arrays } = unpack(data);
    const isOtherStack = header.stack !== this.header?.stack;
    this.header = header;
    this.map = arrays.overlay ?? null;
    this.hasMap = Boolean(this.map) || header.overlay.markers.length > 0;
    this.mapKey = this.smoothKey = null;
    this.stage.style.height = `${header.height}px`;
    const fill = (place, lines) => this.corner[place].replaceChildren(
      ...lines.map((line) => make("div", {}, line)));
    fill("top-left", header.corners.patient);
    fill("top-right", header.corners.study);
    this.sides.forEach((side, n) => {
      side.textContent = header.sides?.[n] ?? "";
      side.hidden = !header.sides;
    });
    this.leftOut.textContent = header.left_out;
    this.leftOut.hidden = !header.left_out;
    if (isOtherStack) { this.pixels = null; this.ruler = null; this.waitForPixels(); }
    this.paintSoon();
  }

  waitForPixels() {
    this.stopWaiting?.();
    const store = pixelStore();
    const take = () => {
      this.pixels = store.stacks.get(this.header.stack) ?? null;
      if (this.pixels) this.start();
    };
    store.news.addEventListener(this.header.stack, take);
    const name = this.header.stack;
    this.stopWaiting = () => store.news.removeEventListener(name, take);
    take();
  }

  start() {
    const [frames, rows, columns] = this.pixels.shape;
    this.grey.width = columns;
    this.grey.height = rows;
    this.greyImage = this.grey.getContext("2d").createImageData(columns, rows);
    this.controls.frame.input.max = frames - 1;
    this.frameBar.hidden = frames === 1;
    this.keys.textContent = "Click the image, then: "
      + (frames > 1 ? "wheel or ←→ frames · Ctrl-wheel zoom" : "wheel zoom")
      + " · Shift-drag pan · Right-drag zoom · I invert · O map · R reset · ± zoom";
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
    this.ruler = null;
    this.set({ ...FRESH_VIEW, tool: this.view.tool, frame,
      ...(first ? { preset: first.name, center: first.center, width: first.width } : {}) });
  }

  usePreset(name) {
    const preset = this.presets.find((p) => p.name === name);
    if (preset) this.set({ preset: name, center: preset.center, width: preset.width });
  }

  toggleInvert() { this.set({ isFlipped: !this.view.isFlipped }); }

  set(changes) {
    const isByHand = ("center" in changes || "width" in changes) && !("preset" in changes);
    Object.assign(this.view, changes, isByHand ? { preset: "" } : {});
    this.paintSoon();
  }

  zoomBy(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const zoom = Math.min(40, Math.max(0.2, this.view.zoom * factor));
    const real = zoom / this.view.zoom;
    const g = this.geometry();
    this.set({ zoom, panX: this.view.panX + (1 - real) * (x - g.x - g.width / 2),
      panY: this.view.panY + (1 - real) * (y - g.y - g.height / 2) });
  }

  scroll(step) {
    const last = this.pixels.shape[0] - 1;
    this.set({ frame: Math.min(last, Math.max(0, this.view.frame + step)) });
  }

  // Where the image lies on the stage, in CSS pixels; pixels that are not square are drawn so.
  geometry() {
    const [, rows, columns] = this.pixels.shape;
    const spacing = this.header.spacing_mm;
    const tall = spacing ? spacing[0] / spacing[1] : 1;
    const { clientWidth: w, clientHeight: h } = this.stage;
    const scale = Math.min(w / columns, h / (rows * tall)) * this.view.zoom;
    const width = columns * scale, height = rows * scale * tall;
    return { scale, tall, width, height, x: (w - width) / 2 + this.view.panX,
      y: (h - height) / 2 + this.view.panY };
  }

  toStored(event) {
    const box = this.canvas.getBoundingClientRect();
    const g = this.geometry();
    return { column: (event.clientX - box.left - g.x) / g.scale,
      row: (event.clientY - box.top - g.y) / (g.scale * g.tall) };
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
    context.setTransform(ratio * g.scale, 0, 0, ratio * g.scale * g.tall, ratio * g.x, ratio * g.y);
    context.imageSmoothingEnabled = g.scale * ratio < 3;  // show stored pixels when magnified
    context.imageSmoothingQuality = "medium";
    context.drawImage(this.grey, 0, 0);
    const isMapped = this.hasMap && view.isOverlayShown && view.frame === header.overlay.frame;
    if (isMapped && this.map) this.paintMap(context);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (isMapped) this.paintMarkers(context, g);
    paintRuler(this, context, g);
    paintScaleBar(this, context, g);
    // The letters stay at the image's own edges, and in sight when these are zoomed out of it.
    this.sides[0].style.left = `${Math.max(0, g.x)}px`;
    this.sides[1].style.right = `${Math.max(0, this.stage.clientWidth - g.x - g.width)}px`;
    this.legend.hidden = !isMapped;
    this.tell(isInverted, isMapped, performance.now() - started);
  }

  paintMap(context) {
    const { header, view } = this;
    const [rows, columns] = this.map.shape;
    const smoothKey = view.detail;
    if (smoothKey !== this.smoothKey) {
      this.smoothed = smooth(this.map.values, rows, columns,
        SIGMA[view.detail] * Math.max(rows, columns));
      this.smoothKey = smoothKey;
      this.strongestSeen.set(`${view.detail} ${header.overlay.target}`, strongest(this.smoothed));
      this.mapKey = null;
    }
    const seen = [...this.strongestSeen].filter(([k]) => k.startsWith(`${view.detail} `));
    const scale = view.scale === "shared" ? Math.max(...seen.map(([, value]) => value))
      : this.strongestSeen.get(`${view.detail} ${header.overlay.target}`);
    const mapKey = [view.mode, view.threshold, scale].join();
    if (mapKey !== this.mapKey) {
      this.coloured = colourMap(this.smoothed,
        { rows, columns, scale, threshold: view.threshold, mode: view.mode });
      this.mapKey = mapKey;
    }
    const [row, column, high, wide] = header.overlay.box;
    context.globalAlpha = view.opacity;
    context.imageSmoothingEnabled = true;
    context.drawImage(this.coloured, column, row, wide, high);
    context.globalAlpha = 1;
  }

  paintMarkers(context, g) {
    context.font = "600 12px system-ui, sans-serif";
    context.lineWidth = 1.5;
    for (const marker of this.header.overlay.markers) {
      const isFor = marker.signed > 0;
      if (this.view.mode !== "both" && (this.view.mode === "for") !== isFor) continue;
      const x = g.x + (marker.column + 0.5) * g.scale;
      const y = g.y + (marker.row + 0.5) * g.scale * g.tall;
      const text = `${isFor ? "+" : "−"}${Math.abs(marker.signed).toFixed(2)}`;
      context.strokeStyle = isFor ? "#f6a654" : "#6db3f8";
      context.setLineDash(isFor ? [] : [3, 3]);
      context.beginPath();
      context.arc(x, y, 7, 0, 2 * Math.PI);
      context.stroke();
      context.setLineDash([]);
      const wide = context.measureText(text).width + 8;
      const left = x + wide + 70 > this.stage.clientWidth ? x - 10 - wide : x + 10;
      context.fillStyle = "rgba(0,0,0,.72)";
      context.fillRect(left, y - 9, wide, 18);
      context.fillStyle = context.strokeStyle;
      context.fillText(text, left + 4, y + 4);
    }
  }

  // What is on the canvas, in words and as attributes that assistive tools and tests can read.
  tell(isInverted, isMapped, milliseconds) {
    const { view, header, canvas } = this;
    const round = (x) => Math.round(x * 100) / 100;
    Object.assign(canvas.dataset, {
      ready: "true", stack: header.stack, windowCenter: round(view.center),
      windowWidth: round(view.width), preset: view.preset, inverted: isInverted,
      zoom: round(view.zoom), pan: `${round(view.panX)},${round(view.panY)}`, frame: view.frame,
      frames: this.pixels.shape[0], overlayShown: isMapped, overlayOpacity: view.opacity,
      overlayThreshold: view.threshold, overlayMode: view.mode, overlayDetail: view.detail,
      overlayScale: view.scale, overlayTarget: header.overlay.target, paintMs: round(milliseconds),
    });
    canvas.setAttribute("aria-label", `Image, window level ${round(view.center)}, width `
      + `${round(view.width)}, zoom ${round(view.zoom)}`
      + (isMapped ? `, with the evidence map for ${header.overlay.display}` : ""));
    const windowText = header.is_color ? "Colour image"
      : `W ${round(view.width)}  L ${round(view.center)} ${header.unit}`;
    this.corner["bottom-left"].replaceChildren(
      make("div", {}, windowText),
      make("div", {}, `Zoom ${view.zoom.toFixed(1)}×${view.isFlipped ? "  inverted" : ""}`));
    const frames = this.pixels.shape[0];
    const elsewhere = this.hasMap && view.frame !== header.overlay.frame
      ? `  (map on ${header.overlay.frame + 1})` : "";
    this.corner["bottom-right"].replaceChildren(
      make("div", {}, this.probeText ?? ""),
      make("div", {}, frames > 1 ? `Frame ${view.frame + 1} of ${frames}${elsewhere}` : ""));
    showControls(this.controls, view, this);
  }

  probe(event) {
    const at = this.toStored(event);
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
  }

  listen() {
    const { canvas } = this;
    let drag = null;
    canvas.oncontextmenu = (event) => event.preventDefault();
    canvas.onpointerdown = (event) => {
      if (!this.pixels) return;
      canvas.setPointerCapture(event.pointerId);
      canvas.focus({ preventScroll: true });
      const does = event.button === 2 ? "zoom"
        : event.button === 1 || event.shiftKey ? "pan" : this.view.tool;
      drag = { does, x: event.clientX, y: event.clientY };
      if (does === "measure") this.ruler = { from: this.toStored(event), to: this.toStored(event) };
      event.preventDefault();
    };
    canvas.onpointermove = (event) => {
      if (!this.pixels) return;
      this.probe(event);
      if (!drag) return;
      const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
      Object.assign(drag, { x: event.clientX, y: event.clientY });
      if (drag.does === "window" && !this.header.is_color) {
        const step = Math.max(0.5, (this.presets[0]?.width ?? 400) / 400);
        this.set({ width: Math.max(1, this.view.width + dx * step),
          center: this.view.center + dy * step });
      } else if (drag.does === "pan") {
        this.set({ panX: this.view.panX + dx, panY: this.view.panY + dy });
      } else if (drag.does === "zoom") {
        this.zoomBy(Math.exp(-dy / 150));
      } else if (drag.does === "measure") {
        this.ruler.to = this.toStored(event);
        this.paintSoon();
      }
    };
    canvas.onpointerup = canvas.onpointercancel = () => { drag = null; };
    canvas.addEventListener("wheel", (event) => {
      // Until the image has been clicked the wheel scrolls the page, as everywhere else on it.
      const isChosen = event.ctrlKey || canvas.getRootNode().activeElement === canvas;
      if (!this.pixels || !isChosen) return;
      event.preventDefault();
      if (this.pixels.shape[0] > 1 && !event.ctrlKey) {
        this.scroll(Math.sign(event.deltaY));
        return;
      }
      const box = canvas.getBoundingClientRect();
      this.zoomBy(Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
    const keys = {
      i: () => this.toggleInvert(), r: () => this.reset(),
      o: () => this.set({ isOverlayShown: !this.view.isOverlayShown }),
      "+": () => this.zoomBy(1.25), "=": () => this.zoomBy(1.25), "-": () => this.zoomBy(1 / 1.25),
      ArrowRight: () => this.scroll(1), ArrowDown: () => this.scroll(1),
      ArrowLeft: () => this.scroll(-1), ArrowUp: () => this.scroll(-1),
    };
    canvas.onkeydown = (event) => {
      const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!act || !this.pixels || event.ctrlKey || event.metaKey || event.altKey) return;
      act();
      event.preventDefault();
      event.stopPropagation();  // Streamlit's own shortcuts (R reruns) stay out of it
    };
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
