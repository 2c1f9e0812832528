// Measurements as they are drawn and grasped, and the scale bar.

const MARK_COLOUR = "#f0d871";
const GRASP = 9;  // CSS pixels around a handle

function cornersOf(mark, g) {
  return mark.points.map((point) => toStage(g, point));
}

function distanceToSegment([x, y], [x0, y0], [x1, y1]) {
  const dx = x1 - x0, dy = y1 - y0;
  const along = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
}

// What of the marks on this frame lies at a place of the stage: a handle, or the line of one.
function graspAt(viewer, x, y) {
  const g = viewer.geometry();
  const here = viewer.marks.filter((mark) => mark.frame === viewer.view.frame).reverse();
  for (const mark of here) {
    const index = cornersOf(mark, g).findIndex(([a, b]) => Math.hypot(a - x, b - y) <= GRASP);
    if (index >= 0) return { mark, index };
  }
  const mark = here.find((one) => {
    const corners = cornersOf(one, g);
    if (one.kind === "rectangle" || one.kind === "ellipse") {
      const [[x0, y0], [x1, y1]] = corners;
      corners.splice(0, 2, [x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]);
    }
    return corners.some((corner, n) => n && distanceToSegment([x, y], corners[n - 1], corner) <= 5);
  });
  return mark ? { mark, index: null } : null;
}

function paintMarks(viewer, context, g) {
  const { header, pixels, view } = viewer;
  context.font = "600 13px system-ui, sans-serif";
  context.textAlign = "start";
  const taken = [];  // boxes of words, which do not cover each other
  for (const mark of viewer.marks) {
    if (mark.frame !== view.frame) continue;
    const corners = cornersOf(mark, g);
    context.strokeStyle = MARK_COLOUR;
    context.lineWidth = mark === viewer.chosenMark ? 2.5 : 1.5;
    context.shadowColor = "#000";
    context.shadowBlur = 3;
    context.beginPath();
    if (mark.kind === "length" || mark.kind === "angle") {
      corners.forEach(([x, y], n) => (n ? context.lineTo(x, y) : context.moveTo(x, y)));
    } else {
      const [[x0, y0], [x1, y1]] = corners;
      if (mark.kind === "rectangle") context.rect(x0, y0, x1 - x0, y1 - y0);
      else {
        context.ellipse((x0 + x1) / 2, (y0 + y1) / 2, Math.abs(x1 - x0) / 2,
          Math.abs(y1 - y0) / 2, 0, 0, 2 * Math.PI);
      }
    }
    context.stroke();
    if (mark === viewer.chosenMark) {
      context.fillStyle = MARK_COLOUR;
      for (const [x, y] of corners) context.fillRect(x - 3, y - 3, 6, 6);
    }
    context.shadowBlur = 0;
    const lines = linesOf(mark, pixels, header.spacing_mm, header.unit);
    if (lines.length) paintWords(viewer, context, { corners, lines, taken });
  }
}

function paintWords(viewer, context, { corners, lines, taken }) {
  const wide = Math.max(...lines.map((line) => context.measureText(line).width)) + 10;
  const high = lines.length * 17 + 4;
  const { clientWidth, clientHeight } = viewer.stage;
  const right = Math.max(...corners.map(([x]) => x)), left = Math.min(...corners.map(([x]) => x));
  const x = right + 10 + wide < clientWidth ? right + 10 : Math.max(4, left - 10 - wide);
  let y = Math.min(clientHeight - high - 4, Math.max(4, corners.at(-1)[1] - high / 2));
  for (const box of taken) {
    const isOver = x < box.x + box.wide && box.x < x + wide && y < box.y + box.high && box.y < y + high;
    if (isOver) y = box.y + box.high + 2;
  }
  taken.push({ x, y, wide, high });
  context.fillStyle = "rgba(0,0,0,.72)";
  context.fillRect(x, y, wide, high);
  context.fillStyle = MARK_COLOUR;
  lines.forEach((line, n) => context.fillText(line, x + 5, y + 15 + n * 17));
}

function paintScaleBar(viewer, context, g) {
  const spacing = viewer.header.spacing_mm;
  if (!spacing) return;
  const perMillimetre = g.scale / spacing[1];
  const length = [200, 100, 50, 20, 10, 5, 2, 1].find((mm) => mm * perMillimetre <= 160) ?? 1;
  const x = viewer.stage.clientWidth / 2 - (length * perMillimetre) / 2;
  const isNarrow = viewer.stage.clientWidth < 560;  // then the corner texts need its place
  const y = viewer.stage.clientHeight - (isNarrow ? 60 : 14);
  context.fillStyle = "rgba(0,0,0,.5)";
  context.fillRect(x - 6, y - 19, length * perMillimetre + 12, 24);
  context.fillStyle = context.strokeStyle = "#f3f7fa";
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
}

// The marks as values, for tests and for whoever reads the canvas without seeing it.
function marksToldOf(viewer) {
  const { header, pixels } = viewer;
  return viewer.marks.map((mark) => ({ kind: mark.kind, frame: mark.frame,
    points: mark.points.map(({ row, column }) => ({ row, column })),
    unit: header.spacing_mm ? "mm" : "px", ...valuesOf(mark, pixels, header.spacing_mm),
    words: linesOf(mark, pixels, header.spacing_mm, header.unit).join(", ") }));
}
