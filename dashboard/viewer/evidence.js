// Regions of the map and rows of the page that speak of them light up together. A row says which
// region it is by `data-region`, the number that the markers of the message carry.

const ROW = "[data-region]";

function listenToPage(whole) {
  const listen = (kind, does) => document.addEventListener(kind, (event) => {
    const row = event.target.closest?.(ROW);
    does(row ? Number(row.dataset.region) : null, event);
  }, { signal: whole.ears.signal });
  // A row with the focus stays lit while the pointer is elsewhere, as when the page scrolls to it.
  const focused = () => document.activeElement?.closest(ROW)?.dataset.region;
  listen("pointerover", (region) => light(whole, region ?? (Number(focused()) || null)));
  listen("focusin", (region) => light(whole, region));
  listen("focusout", () => light(whole, null));
  listen("click", (region) => { if (region !== null) showRegion(whole, region); });
  listen("keydown", (region, event) => {
    if (region === null || event.key !== "Enter") return;
    event.preventDefault();
    showRegion(whole, region);
  });
}

function light(whole, region) {
  if (whole.lit === region) return;
  whole.lit = region;
  whole.mapPane.paintSoon();
}

// Go to the slice of a region, with the map on.
function showRegion(whole, region) {
  const pane = whole.mapPane;
  const marker = pane.header.overlay.markers.find((one) => one.region === region);
  if (!marker || !pane.pixels) return;
  pane.set({ frame: marker.frame, isOverlayShown: true, mode: "both" });
}

function regionOf(pane, marker) {
  if (marker.frame !== pane.view.frame || !pane.layers?.at.has(marker.frame)) return null;
  return pane.layers.regionAt({ row: marker.row + 0.5, column: marker.column + 0.5 },
    marker.frame, pane.view, pane.mapScale());
}

// The region of the map that a lit row speaks of, or null.
function litRegion(pane) {
  const marker = pane.whole.lit === null ? null
    : pane.header.overlay.markers.find((one) => one.region === pane.whole.lit);
  return marker ? regionOf(pane, marker) : null;
}

const markersIn = (pane, region) => pane.header.overlay.markers
  .filter((marker) => regionOf(pane, marker)?.label === region.label);

function lightRows(pane, region) {
  if (pane !== pane.whole.mapPane) return;
  const lit = new Set(region ? markersIn(pane, region).map((marker) => String(marker.region)) : []);
  for (const row of document.querySelectorAll(ROW)) {
    row.classList.toggle("is-lit", lit.has(row.dataset.region));
  }
}

// What a region of the map says: which places it holds, how far it moved, its share of the map.
function regionWords(pane, region) {
  const signed = `${region.signed > 0 ? "+" : "−"}${Math.abs(region.signed).toFixed(2)}`;
  const share = t("{signed} {scale} · {share} % of the map",
    { signed, scale: pane.header.overlay.scale, share: Math.round(region.share * 100) });
  return [...markersIn(pane, region).map((marker) => marker.what), share].join(" · ");
}
