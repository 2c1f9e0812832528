// The component: one or two panes, the controls around them, and what passes between them and the
// page.

const NO_MAP = { target: "", display: "", message: "", is_pending: false, method: "", frame: 0,
  frames: [0], box: null, markers: [] };

class Viewer {
  constructor(root, { language, kept }) {
    this.language = language;
    this.kept = kept;
    this.send = {};
    this.lit = null;  // the region that a row of the page speaks of
    this.apart = 0;
    this.panes = [new Pane(this, "viewer"), new Pane(this, "viewer-2")];
    [this.pane] = this.panes;
    this.help = buildHelp(this);
    this.controls = buildControls(this);
    this.panes[1].label.append(this.controls.second.node);
    this.leftOut = make("p", { className: "reason left-out", role: "note",
      dataset: { testid: "viewer-left-out" } });
    this.live = make("div", { className: "live", role: "status", "aria-live": "polite",
      dataset: { testid: "viewer-live" } });
    this.keys = make("p", { className: "keys" });
    root.querySelector(".viewer")?.remove();
    this.node = make("div", { className: "viewer", dataset: { testid: "viewer" } },
      this.controls.toolBar, this.controls.imageBar,
      make("div", { className: "panes" }, ...this.panes.map((pane) => pane.node), this.help),
      this.controls.frameBar, this.leftOut, this.controls.overlayBar, this.keys, this.live);
    root.append(this.node);
    listenToKeys(this, this.node);
    this.node.addEventListener("pointerleave", () => this.keepIfChanged());
    this.node.addEventListener("focusout", (event) => {
      if (!this.node.contains(event.relatedTarget)) this.keepIfChanged();
    });
    this.resizer = new ResizeObserver(() => this.panes.forEach((pane) => pane.paintSoon()));
  }

  attach() {
    if (this.ears) return;
    this.ears = new AbortController();
    listenToPage(this);
    for (const pane of this.panes) {
      this.resizer.observe(pane.stage);
      if (pane.header && !pane.pixels) pane.waitForPixels();
    }
  }

  detach() {
    this.ears?.abort();
    this.ears = null;
    this.resizer.disconnect();
    clearTimeout(this.keepTimer);
    if (this.header && this.panes[0].pixels) {
      const kept = keptOf(this);
      const isUnsent = JSON.stringify(kept) !== this.keptText;
      leftBehind.set(this.header.stack, { at: Date.now(), kept, isUnsent });
    }
    for (const pane of this.panes) {
      pane.stopWaiting?.();
      pane.toggleCine(false);
    }
  }

  // Messages may overtake one another; an older one says nothing that still holds.
  update(data) {
    const { header, arrays } = unpack(data);
    const { number, kept, ...said } = header;
    if (number < this.number) return;
    this.number = number;
    const map = arrays.overlay ?? null, secondMap = arrays.overlay_second ?? null;
    const isSame = JSON.stringify(said) === this.said && sameValues(map, this.map)
      && sameValues(secondMap, this.secondMap);
    if (isSame) return;
    Object.assign(this, { header, map, secondMap, said: JSON.stringify(said) });
    this.leftOut.textContent = header.left_out;
    this.leftOut.hidden = !header.left_out;
    this.panes[0].take(header, map);
    this.arrange();
    showControls(this);
  }

  get isDouble() { return this.kept.layout === 2; }

  // The pane with the image that the model read, else the first.
  get mapPane() { return this.shownPanes.find((pane) => pane.hasMap) ?? this.panes[0]; }

  get shownPanes() { return this.panes.filter((pane, n) => pane.header && (!n || this.isDouble)); }

  // Show one pane or two, as chosen here; the second one's image comes with a later message.
  arrange() {
    const [first, second] = this.panes;
    const given = this.header.second;
    if (this.isDouble && given?.stack === this.kept.second) {
      second.take({ overlay: NO_MAP, height: this.header.height, ...given }, this.secondMap);
    } else if (this.isDouble && second.header?.stack !== this.kept.second) {
      second.stopWaiting?.();
      Object.assign(second, { header: null, pixels: null });
      second.blank();
    }
    second.stage.style.height = `${this.header.height}px`;
    second.node.hidden = !this.isDouble;
    first.label.hidden = !this.isDouble;
    first.label.textContent = this.header.label;
    this.controls.second.fill(this.header.choices.map((one) => [one.stack, one.label]));
    this.controls.second.show(this.kept.second ?? "");
    if (!this.isDouble) this.activate(first);
    for (const pane of this.panes) {
      pane.node.classList.toggle("active", this.isDouble && pane === this.pane);
      pane.paintSoon();
    }
  }

  setLayout(layout) {
    const { choices, stack } = this.header;
    const other = choices.find((one) => one.stack !== stack) ?? choices[0];
    this.kept = { ...this.kept, layout, second: this.kept.second ?? other.stack };
    this.arrangeAndKeep();
  }

  chooseSecond(second) {
    this.kept = { ...this.kept, images: keptOf(this).images, second };
    this.arrangeAndKeep();
  }

  arrangeAndKeep() {
    this.arrange();
    showControls(this);
    keepNow(this);
  }

  toggleLink() {
    this.kept = { ...this.kept, is_linked: !this.kept.is_linked };
    this.measureApart();
    showControls(this);
    keepSoon(this);
  }

  measureApart() { this.apart = this.panes[1].view.frame - this.panes[0].view.frame; }

  // Hand a change of one pane on: settings to all, the rest to what is linked to it.
  follow(pane, changes) {
    const shared = Object.fromEntries(Object.entries(changes).filter(([k]) => k in SHARED_VIEW));
    for (const other of this.panes) {
      if (other === pane) continue;
      if (Object.keys(shared).length) other.change(shared);
      if (!this.isDouble || !this.kept.is_linked || !other.pixels || !pane.pixels) continue;
      const apart = pane === this.panes[0] ? this.apart : -this.apart;
      const linked = linkedChanges(pane, other, changes, apart);
      if (Object.keys(linked).length) other.change(linked);
    }
    if (!this.kept.is_linked) this.measureApart();
  }

  reset() {
    const panes = this.isDouble && this.kept.is_linked ? this.panes : [this.pane];
    for (const pane of panes) pane.reset();
    this.measureApart();
  }

  activate(pane) {
    if (pane === this.pane || !pane.pixels) return;
    this.pane = pane;
    for (const one of this.panes) one.node.classList.toggle("active", this.isDouble && one === pane);
    this.renewControls();
  }

  // Left and right go from pane to pane as in OHIF; with one pane, from image to image.
  goTo(change) {
    if (!this.isDouble) this.pane.scroll(change);
    else if (this.panes[1].pixels) {
      this.panes[this.pane === this.panes[0] ? 1 : 0].canvas.focus({ preventScroll: true });
    }
  }

  started(pane) {
    if (pane === this.pane) this.renewControls();
    this.measureApart();
    if (this.shownPanes.every((one) => one.pixels)) this.keptText ??= JSON.stringify(keptOf(this));
  }

  renewPresets() {
    for (const pane of this.panes.filter((one) => one.pixels)) pane.presets = presetsOf(pane);
    this.renewControls();
  }

  renewControls() {
    const { pane, controls } = this;
    const frames = pane.pixels.shape[0];
    controls.frame.input.max = frames - 1;
    controls.frameBar.hidden = frames === 1;
    controls.preset.fill([...pane.presets.map((p) => [p.name, p.says ?? p.name]), ["", t("By hand")]]);
    this.keys.textContent = frames > 1
      ? t("Click the image, then: wheel or ↓↑ images · Ctrl-wheel zoom · Shift-drag pan · Right-drag zoom · R L rotate · H V flip · Space reset · ? all keys")
      : t("Click the image, then: wheel zoom · Shift-drag pan · Right-drag zoom · R L rotate · H V flip · Space reset · ? all keys");
    showControls(this);
  }

  choose(tool) {
    for (const pane of this.panes) {
      dropUnfinished(pane);
      pane.canvas.style.cursor = "";
    }
    this.pane.set({ tool });
  }

  leave() {
    const { pane } = this;
    if (!this.help.hidden) this.toggleHelp(false);
    else if (!dropUnfinished(pane)) {
      if (pane.view.tool !== "window") this.choose("window");
      else if (pane.cine) pane.toggleCine(false);
      else if (pane.chosenMark) { pane.chosenMark = null; pane.paintSoon(); }
    }
    pane.canvas.focus({ preventScroll: true });
  }

  toggleHelp(isWanted = this.help.hidden) {
    this.help.hidden = !isWanted;
    (isWanted ? this.help : this.pane.canvas).focus({ preventScroll: true });
  }

  // Not at once: whoever leaves the image is about to press something, and that comes first.
  keepIfChanged() {
    if (!this.shownPanes.some((pane) => pane.pixels)) return;
    if (JSON.stringify(keptOf(this)) !== this.keptText) keepSoon(this);
  }
}

function announce(whole, text) { whole.live.textContent = text; }

function sameValues(a, b) {
  if (!a || !b || a.values.length !== b.values.length) return a === b;
  return a.values.every((value, n) => value === b.values[n]);
}

const viewers = new WeakMap();

// A rerun may take the viewer out of the page and put it back at once, and a reader may go to
// another page, before it has sent how the image was left.
const BACK_WITHIN = 5000;  // milliseconds within which what was sent may not be in a message yet
const leftBehind = (globalThis.__consiliumLeftBehind ??= new Map());  // by stack

function keptBefore({ stack }) {
  const found = leftBehind.get(stack);
  leftBehind.delete(stack);
  return found && (found.isUnsent || Date.now() - found.at < BACK_WITHIN) ? found.kept : null;
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const isLast = lastRunOf(parentElement);
  if (data) {
    const { header } = readHeader(data);
    let viewer = viewers.get(parentElement);
    if (viewer?.language !== header.language) {
      viewer?.detach();
      speak(header.words);
      const before = keptBefore(header);
      viewer = new Viewer(parentElement, { language: header.language, kept: before ?? header.kept });
      if (before) keepSoon(viewer);
      viewers.set(parentElement, viewer);
    }
    viewer.send = { setStateValue, setTriggerValue };
    viewer.attach();
    viewer.update(data);
  }
  return () => { if (isLast()) viewers.get(parentElement)?.detach(); };
}
