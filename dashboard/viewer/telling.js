// What is on the canvas in words, and as attributes that assistive tools and tests can read.

function tell(viewer, { isInverted, milliseconds }) {
  const { view, header, canvas, pixels } = viewer;
  const round = (x) => Math.round(x * 100) / 100;
  const { degrees, isMirrored } = describeTurn(view.turn);
  Object.assign(canvas.dataset, {
    ready: "true", stack: header.stack, windowCenter: round(view.center),
    windowWidth: round(view.width), preset: view.preset, inverted: isInverted, tool: view.tool,
    zoom: round(view.zoom), pan: `${round(view.panX)},${round(view.panY)}`, rotation: degrees,
    mirrored: isMirrored, frame: view.frame, frames: pixels.shape[0],
    playing: Boolean(viewer.cine), lens: Boolean(viewer.isLensHeld && viewer.pointer),
    overlayShown: viewer.isMapped, overlayOpacity: view.opacity,
    overlayThreshold: view.threshold, overlayMode: view.mode, overlayDetail: view.detail,
    overlayScale: view.scale, overlayTarget: header.overlay.target,
    marks: JSON.stringify(marksToldOf(viewer)), paintMs: round(milliseconds),
  });
  const turnWords = (degrees ? `  ${degrees}°` : "") + (isMirrored ? "  mirrored" : "");
  canvas.setAttribute("aria-label", `Image, window level ${round(view.center)}, width `
    + `${round(view.width)}, zoom ${round(view.zoom)}${turnWords}`
    + (viewer.isMapped ? `, with the evidence map for ${header.overlay.display}` : "")
    + ". Press question mark for the keys.");
  for (const place of ["top-left", "top-right"]) viewer.corner[place].hidden = !view.isIdentityShown;
  const windowText = header.is_color ? "Colour image"
    : `W ${round(view.width)}  L ${round(view.center)} ${header.unit}`;
  viewer.corner["bottom-left"].replaceChildren(
    make("div", {}, windowText),
    make("div", {}, `Zoom ${view.zoom.toFixed(1)}×${view.isFlipped ? "  inverted" : ""}${turnWords}`));
  const frames = pixels.shape[0];
  viewer.corner["bottom-right"].replaceChildren(
    make("div", {}, viewer.probeText ?? ""),
    make("div", {}, frames > 1 ? `Image ${view.frame + 1} of ${frames}${elsewhere(viewer)}` : ""));
  showControls(viewer.controls, view, viewer);
}

// Where the map is, on a frame that has none: the model may have read other images of the stack.
function elsewhere(viewer) {
  const { view, header, layers } = viewer;
  if (!viewer.hasMap || viewer.hasMapOn(view.frame)) return "";
  const on = layers ? [...layers.at.keys()] : [header.overlay.frame];
  const nearest = on.reduce((a, b) => (Math.abs(b - view.frame) < Math.abs(a - view.frame) ? b : a));
  return `  (no map here; next on ${nearest + 1})`;
}

// The strongest regions as numbered signs; those for and against look different without colour.
function paintMarkers(viewer, context, g) {
  context.font = "600 12px system-ui, sans-serif";
  context.lineWidth = 1.5;
  for (const marker of viewer.header.overlay.markers) {
    const isFor = marker.signed > 0;
    if (marker.frame !== viewer.view.frame) continue;
    if (viewer.view.mode !== "both" && (viewer.view.mode === "for") !== isFor) continue;
    const [x, y] = toStage(g, { row: marker.row + 0.5, column: marker.column + 0.5 });
    const text = `${isFor ? "+" : "−"}${Math.abs(marker.signed).toFixed(2)}`;
    context.strokeStyle = isFor ? "#f6a654" : "#6db3f8";
    context.setLineDash(isFor ? [] : [3, 3]);
    context.beginPath();
    context.arc(x, y, 7, 0, 2 * Math.PI);
    context.stroke();
    context.setLineDash([]);
    const wide = context.measureText(text).width + 8;
    const left = x + wide + 70 > viewer.stage.clientWidth ? x - 10 - wide : x + 10;
    context.fillStyle = "rgba(0,0,0,.72)";
    context.fillRect(left, y - 9, wide, 18);
    context.fillStyle = context.strokeStyle;
    context.fillText(text, left + 4, y + 4);
  }
}
