// What is on the canvas in words, and as attributes that assistive tools and tests can read.

function tell(viewer, { isInverted, milliseconds }) {
  const { view, header, canvas, pixels, whole } = viewer;
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
    overlayMethod: header.overlay.method, lit: whole.lit ?? "",
    cross: viewer.cross ? `${viewer.cross.row},${viewer.cross.column}` : "",
    marks: JSON.stringify(marksToldOf(viewer)), paintMs: round(milliseconds),
  });
  const turnWords = [degrees ? `${degrees}°` : "", isMirrored ? t("mirrored") : ""]
    .filter(Boolean).join("  ");
  const facts = { level: round(view.center), width: round(view.width), zoom: round(view.zoom) };
  canvas.setAttribute("aria-label", [
    t("Image, window level {level}, width {width}, zoom {zoom}", facts), turnWords,
    viewer.isMapped ? t("with the evidence map for {display}", { display: header.overlay.display }) : "",
    t("Press question mark for the keys."),
  ].filter(Boolean).join(", "));
  for (const place of ["top-left", "top-right"]) viewer.corner[place].hidden = !view.isIdentityShown;
  const windowText = header.is_color ? t("Colour image")
    : `W ${round(view.width)}  L ${round(view.center)} ${header.unit}`;
  viewer.corner["bottom-left"].replaceChildren(
    make("div", {}, windowText),
    make("div", {}, [t("Zoom {zoom}×", { zoom: view.zoom.toFixed(1) }),
      view.isFlipped ? t("inverted") : "", turnWords].filter(Boolean).join("  ")));
  const frames = pixels.shape[0];
  viewer.corner["bottom-right"].replaceChildren(
    make("div", {}, viewer.probeText ?? ""),
    make("div", {}, frames > 1 ? [t("Image {n} of {frames}", { n: view.frame + 1, frames }),
      elsewhere(viewer)].filter(Boolean).join("  ") : ""));
  if (viewer === whole.pane) showControls(whole);
}

// Where the map is, on a frame that has none: the model may have read other images of the stack.
function elsewhere(viewer) {
  const { view, header, layers } = viewer;
  if (!viewer.hasMap || viewer.hasMapOn(view.frame)) return "";
  const on = layers ? [...layers.at.keys()] : [header.overlay.frame];
  const nearest = on.reduce((a, b) => (Math.abs(b - view.frame) < Math.abs(a - view.frame) ? b : a));
  return t("(no map here; next on {n})", { n: nearest + 1 });
}
