// How a measurement is drawn, moved and deleted. An angle is a dragged arm, then a second arm.

function markDown(viewer, { x, y }, kind) {
  const point = toStored(viewer.geometry(), x, y);
  releaseMark(viewer);
  begin(viewer);
  if (viewer.unfinished) {
    viewer.unfinished.points[2] = point;
    viewer.grasp = { mark: viewer.unfinished, index: 2 };
    return;
  }
  const held = graspAt(viewer, x, y);
  if (held) {
    viewer.chosenMark = held.mark;
    viewer.grasp = { ...held, from: point };
  } else {
    const mark = { kind, frame: viewer.view.frame, points: [point, point] };
    viewer.marks.push(mark);
    viewer.chosenMark = mark;
    viewer.grasp = { mark, index: 1, isNew: true, x, y };
  }
  viewer.paintSoon();
}

function markDrag(viewer, { x, y }) {
  const { grasp } = viewer;
  if (!grasp) return;
  const point = toStored(viewer.geometry(), x, y);
  if (grasp.index === null) {
    moveMark(grasp.mark, null,
      { row: point.row - grasp.from.row, column: point.column - grasp.from.column });
    grasp.from = point;
  } else {
    grasp.mark.points[grasp.index] = point;
  }
  viewer.paintSoon();
}

// Move one point of a mark, or with no index all of them, by rows and columns.
function moveMark(mark, index, by) {
  mark.points = mark.points.map(({ row, column }, n) => (index === null || n === index
    ? { row: row + by.row, column: column + by.column } : { row, column }));
}

function markUp(viewer) {
  const { grasp } = viewer;
  viewer.grasp = null;
  if (!grasp) return;
  const [[x0, y0], [x1, y1]] = cornersOf(grasp.mark, viewer.geometry());
  if (grasp.isNew && Math.hypot(x1 - x0, y1 - y0) < 3) {
    viewer.marks.splice(viewer.marks.indexOf(grasp.mark), 1);  // a click, not a measurement
    viewer.chosenMark = null;
  }
  const isOpen = grasp.isNew && grasp.mark.kind === "angle" && viewer.chosenMark;
  viewer.unfinished = isOpen ? grasp.mark : null;
  commit(viewer);
  if (viewer.chosenMark && !isOpen) announce(viewer.whole, markWords(viewer, viewer.chosenMark));
  viewer.paintSoon();
}

function markHover(viewer, { x, y }) {
  if (viewer.unfinished) {
    viewer.unfinished.points[2] = toStored(viewer.geometry(), x, y);
    viewer.paintSoon();
  } else if (viewer.view.tool in POINTS) {
    const held = graspAt(viewer, x, y);
    viewer.canvas.style.cursor = held ? (held.index === null ? "move" : "grab") : "";
  } else {
    viewer.canvas.style.cursor = "";
  }
}

// Returns whether there was one.
function dropUnfinished(viewer) {
  const mark = viewer.placing?.mark ?? viewer.unfinished
    ?? (viewer.grasp?.isNew ? viewer.grasp.mark : null);
  viewer.unfinished = viewer.grasp = viewer.placing = null;
  if (!mark) return false;
  viewer.marks.splice(viewer.marks.indexOf(mark), 1);
  viewer.chosenMark = null;
  commit(viewer);
  viewer.paintSoon();
  return true;
}

function deleteMark(viewer) {
  if (dropUnfinished(viewer)) return;
  const mark = viewer.chosenMark ?? viewer.marks.at(-1);
  if (!mark) return;
  begin(viewer);
  announce(viewer.whole, t("Deleted: {what}", { what: markWords(viewer, mark) }));
  viewer.marks = viewer.marks.filter((one) => one !== mark);
  viewer.chosenMark = viewer.held = null;
  commit(viewer);
  viewer.paintSoon();
}
