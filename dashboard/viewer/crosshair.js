// Measuring by keyboard: a crosshair reads pixels and places points, Tab goes through the marks.

const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Rows and columns of a step in a direction as seen; ten at once with Shift.
function stepOf(pane, key, isShifted) {
  const [a, b, c, d] = pane.view.turn, [x, y] = DIRECTIONS[key];
  const far = isShifted ? 10 : 1;
  return { column: (a * x + c * y) * far, row: (b * x + d * y) * far };
}

function toggleCross(pane) {
  releaseMark(pane);
  if (pane.cross) {
    dropUnfinished(pane);
    pane.cross = null;
  } else {
    const at = toStored(pane.geometry(), pane.stage.clientWidth / 2, pane.stage.clientHeight / 2);
    moveCross(pane, { row: Math.floor(at.row) + 0.5, column: Math.floor(at.column) + 0.5 });
  }
  pane.paintSoon();
}

function moveCross(pane, { row, column }) {
  const [, rows, columns] = pane.pixels.shape;
  pane.cross = { row: Math.min(rows - 0.5, Math.max(0.5, row)),
    column: Math.min(columns - 0.5, Math.max(0.5, column)) };
  if (pane.placing) pane.placing.mark.points[pane.placing.index] = pane.cross;
  const [x, y] = toStage(pane.geometry(), pane.cross);
  pane.probe({ x, y });
  const told = pane.placing ? linesOf(pane.placing.mark, pane.pixels, pane.header.spacing_mm,
    pane.header.unit).join(", ") : "";
  announce(pane.whole, [pane.probeText, told].filter(Boolean).join(", "));
  pane.paintSoon();
}

// Enter places one point after another; the last one ends the mark.
function placePoint(pane) {
  const kind = pane.view.tool;
  if (!pane.placing) {
    begin(pane);
    const mark = { kind, frame: pane.view.frame, points: [pane.cross, pane.cross] };
    pane.marks.push(mark);
    pane.chosenMark = mark;
    pane.placing = { mark, index: 1 };
    announce(pane.whole, t("First point placed. Arrow keys, then Enter for the next."));
  } else if (pane.placing.index + 1 < POINTS[kind]) {
    pane.placing.index += 1;
    pane.placing.mark.points[pane.placing.index] = pane.cross;
    announce(pane.whole, t("Next point placed."));
  } else {
    const { mark } = pane.placing;
    pane.placing = null;
    commit(pane);
    announce(pane.whole, markWords(pane, mark));
  }
  pane.paintSoon();
}

const kindWords = (kind) => ({ length: t("Length"), angle: t("Angle"), rectangle: t("Box"),
  ellipse: t("Ellipse") })[kind];

function markWords(pane, mark) {
  const lines = linesOf(mark, pane.pixels, pane.header.spacing_mm, pane.header.unit);
  return [kindWords(mark.kind), ...lines].join(", ");
}

function releaseMark(pane) {
  if (!pane.held) return false;
  pane.held = pane.chosenMark = null;
  commit(pane);
  pane.paintSoon();
  return true;
}

// Go to the next mark on this image; past the last one the focus leaves it.
function walkMarks(pane, isBack) {
  const here = pane.marks.filter((mark) => mark.frame === pane.view.frame);
  if (!here.length || pane.placing || pane.unfinished) return false;
  const at = pane.held ? here.indexOf(pane.held.mark) + (isBack ? -1 : 1)
    : isBack ? here.length - 1 : 0;
  releaseMark(pane);
  const mark = here[at];
  if (!mark) return false;
  pane.cross = null;
  pane.held = { mark, index: null };
  pane.chosenMark = mark;
  announce(pane.whole, t("{what}. {n} of {all}. Arrow keys move it, Enter takes up its points.",
    { what: markWords(pane, mark), n: at + 1, all: here.length }));
  pane.paintSoon();
  return true;
}

// Returns whether the key meant the crosshair or the mark that is held.
function crosshairKey(pane, { key, shiftKey }) {
  if (pane.held) {
    const { held } = pane;
    if (key in DIRECTIONS) {
      begin(pane);
      moveMark(held.mark, held.index, stepOf(pane, key, shiftKey));
      announce(pane.whole, markWords(pane, held.mark));
      pane.paintSoon();
    } else if (key === "Enter") {
      const next = (held.index ?? -1) + 1;
      held.index = next < held.mark.points.length ? next : null;
      announce(pane.whole, held.index === null ? t("The whole mark")
        : t("Point {n}", { n: held.index + 1 }));
      pane.paintSoon();
    } else return key === "Escape" && releaseMark(pane);
    return true;
  }
  if (pane.cross && key in DIRECTIONS) {
    const by = stepOf(pane, key, shiftKey);
    moveCross(pane, { row: pane.cross.row + by.row, column: pane.cross.column + by.column });
  } else if (pane.cross && key === "Enter" && pane.view.tool in POINTS) placePoint(pane);
  else if (pane.cross && key === "Escape") { if (!dropUnfinished(pane)) toggleCross(pane); }
  else if (key === "Enter" && pane.view.tool in POINTS) toggleCross(pane);
  else return false;
  return true;
}

function paintCross(pane, context, g) {
  if (pane.held && pane.held.mark.frame === pane.view.frame && pane.held.index !== null) {
    const [x, y] = toStage(g, pane.held.mark.points[pane.held.index]);
    context.strokeStyle = "#fff";
    context.lineWidth = 2;
    context.strokeRect(x - 7, y - 7, 14, 14);
  }
  if (!pane.cross) return;
  const [x, y] = toStage(g, pane.cross);
  context.strokeStyle = "#5fcdc3";
  context.lineWidth = 1;
  context.beginPath();
  for (const [x0, y0, x1, y1] of [[x - 24, y, x - 5, y], [x + 5, y, x + 24, y],
    [x, y - 24, x, y - 5], [x, y + 5, x, y + 24]]) {
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
  }
  context.stroke();
}
