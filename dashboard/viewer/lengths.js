// Lengths on the image: the ruler that was drawn, and the scale bar.

function millimetres(viewer, a, b) {
  const [high, wide] = viewer.header.spacing_mm ?? [1, 1];
  return Math.hypot((a.row - b.row) * high, (a.column - b.column) * wide);
}

function paintRuler(viewer, context, g) {
  if (!viewer.ruler) return;
  const at = (p) => [g.x + p.column * g.scale, g.y + p.row * g.scale * g.tall];
  const [x0, y0] = at(viewer.ruler.from), [x1, y1] = at(viewer.ruler.to);
  const unit = viewer.header.spacing_mm ? "mm" : "px";
  const length = millimetres(viewer, viewer.ruler.from, viewer.ruler.to).toFixed(1);
  context.strokeStyle = context.fillStyle = "#f0d871";
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
  context.font = "600 13px system-ui, sans-serif";
  context.fillText(`${length} ${unit}`, x1 + 8, y1 + 4);
  viewer.canvas.dataset.length = `${length} ${unit}`;
}

function paintScaleBar(viewer, context, g) {
  const spacing = viewer.header.spacing_mm;
  if (!spacing) return;
  const perMillimetre = g.scale / spacing[1];
  const length = [200, 100, 50, 20, 10, 5, 2, 1].find((mm) => mm * perMillimetre <= 160) ?? 1;
  const x = viewer.stage.clientWidth / 2 - (length * perMillimetre) / 2;
  const y = viewer.stage.clientHeight - 14;
  context.fillStyle = context.strokeStyle = "#f3f7fa";
  context.shadowColor = "#000";
  context.shadowBlur = 4;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(x, y - 4);
  context.lineTo(x, y);
  context.lineTo(x + length * perMillimetre, y);
  context.lineTo(x + length * perMillimetre, y - 4);
  context.stroke();
  context.font = "12px system-ui, sans-serif";
  context.textAlign = "center";
  context.fillText(`${length} mm`, viewer.stage.clientWidth / 2, y - 7);
  context.textAlign = "start";
  context.shadowBlur = 0;
}
