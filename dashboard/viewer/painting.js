// One paint of a pane: greys, map, marks, texts.

function paintPane(pane) {
  const started = performance.now();
  const { view, canvas, header } = pane;
  const isInverted = header.is_inverted !== view.isFlipped;
  const greyKey = [header.stack, view.frame, view.center, view.width, isInverted].join();
  if (greyKey !== pane.greyKey) {
    paintFrame(pane.pixels, view.frame,
      { center: view.center, width: view.width, inverted: isInverted },
      new Uint32Array(pane.greyImage.data.buffer));
    pane.grey.getContext("2d").putImageData(pane.greyImage, 0, 0);
    pane.greyKey = greyKey;
  }
  const ratio = globalThis.devicePixelRatio || 1;
  const width = Math.round(pane.stage.clientWidth * ratio);
  const height = Math.round(pane.stage.clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const g = pane.geometry();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  pane.isMapped = pane.hasMap && view.isOverlayShown && pane.hasMapOn(view.frame);
  paintImage(pane, context, g.matrix, ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (pane.isMapped) paintMarkers(pane, context, g);
  paintMarks(pane, context, g);
  paintCross(pane, context, g);
  if (pane.isLensHeld && pane.pointer) paintLens(pane, context, g, ratio);
  paintScaleBar(pane, context, g);
  placeSides(pane, g);
  pane.legend.hidden = !pane.isMapped;
  tell(pane, { isInverted, milliseconds: performance.now() - started });
}

// The image and its map through one matrix, which may also be that of the magnifier.
function paintImage(pane, context, matrix, ratio) {
  const { view, layers } = pane;
  context.setTransform(...matrix.map((m) => m * ratio));
  const scale = Math.hypot(matrix[0], matrix[1]) * ratio;
  context.imageSmoothingEnabled = scale < 3;  // show stored pixels when magnified
  context.imageSmoothingQuality = "medium";
  context.drawImage(pane.grey, 0, 0);
  if (!pane.isMapped || !layers?.at.has(view.frame)) return;
  const mapScale = pane.mapScale();
  const [row, column, high, wide] = pane.header.overlay.box;
  context.globalAlpha = view.opacity;
  context.imageSmoothingEnabled = view.detail !== "cells";
  context.drawImage(layers.coloured(view.frame, view, mapScale), column, row, wide, high);
  context.globalAlpha = 1;
  const labels = [pane.hovered?.label, litRegion(pane)?.label].filter(Boolean);
  for (const label of new Set(labels)) {
    context.lineWidth = 1.5 / Math.hypot(matrix[0], matrix[1]);
    context.strokeStyle = "#fff";
    layers.traceRegion(context, label, view.frame, view, mapScale);
  }
}

function paintLens(pane, context, g, ratio) {
  const { x, y } = pane.pointer;
  const [p, q, r, s, e, f] = g.matrix;
  const k = LENS.factor;
  context.save();
  context.beginPath();
  context.arc(x, y, LENS.radius, 0, 2 * Math.PI);
  context.clip();
  context.fillStyle = "#000";
  context.fill();
  paintImage(pane, context, [p * k, q * k, r * k, s * k, x + (e - x) * k, y + (f - y) * k], ratio);
  context.restore();
  context.strokeStyle = "#5fcdc3";
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, LENS.radius, 0, 2 * Math.PI);
  context.stroke();
}

// The letters turn with the image, and stay in sight when its edges are zoomed out of it.
function placeSides(pane, g) {
  const { sides, ends } = pane.header;
  const letters = { left: sides?.[0], right: sides?.[1], top: ends?.[0], bottom: ends?.[1] };
  const seen = edgesSeen(pane.view.turn);
  for (const [edge, node] of Object.entries(pane.sides)) {
    node.textContent = letters[seen[edge]] ?? "";
    node.hidden = !node.textContent;
  }
  const { clientWidth, clientHeight } = pane.stage;
  pane.sides.left.style.left = `${Math.max(0, g.left)}px`;
  pane.sides.right.style.right = `${Math.max(0, clientWidth - g.right)}px`;
  pane.sides.top.style.top = `${Math.max(0, g.top)}px`;
  pane.sides.bottom.style.bottom = `${Math.max(30, clientHeight - g.bottom)}px`;
}

// The strongest regions as numbered signs; those for and against look different without colour.
function paintMarkers(pane, context, g) {
  context.font = "600 12px system-ui, sans-serif";
  for (const marker of pane.header.overlay.markers) {
    const isFor = marker.signed > 0, isLit = marker.region === pane.whole.lit;
    if (marker.frame !== pane.view.frame) continue;
    if (pane.view.mode !== "both" && (pane.view.mode === "for") !== isFor) continue;
    const [x, y] = toStage(g, { row: marker.row + 0.5, column: marker.column + 0.5 });
    const text = `${isFor ? "+" : "−"}${Math.abs(marker.signed).toFixed(2)}`;
    context.lineWidth = isLit ? 3 : 1.5;
    context.strokeStyle = isFor ? "#f6a654" : "#6db3f8";
    context.setLineDash(isFor ? [] : [3, 3]);
    context.beginPath();
    context.arc(x, y, isLit ? 10 : 7, 0, 2 * Math.PI);
    context.stroke();
    context.setLineDash([]);
    const wide = context.measureText(text).width + 8;
    const left = x + wide + 70 > pane.stage.clientWidth ? x - 10 - wide : x + 10;
    context.fillStyle = "rgba(0,0,0,.72)";
    context.fillRect(left, y - 9, wide, 18);
    context.fillStyle = context.strokeStyle;
    context.fillText(text, left + 4, y + 4);
  }
}
