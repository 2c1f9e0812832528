// How a measurement is drawn, moved and deleted. An angle is a dragged arm, then a second arm.

function markDown(viewer, { x, y }, kind) {
  const point = toStored(viewer.geometry(), x, y);
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
    const down = point.row - grasp.from.row, right = point.column - grasp.from.column;
    grasp.mark.points = grasp.mark.points.map(({ row, column }) =>
      ({ row: row + down, column: column + right }));
    grasp.from = point;
  } else {
    grasp.mark.points[grasp.index] = point;
  }
  viewer.paintSoon();
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
  const mark = viewer.unfinished ?? (viewer.grasp?.isNew ? viewer.grasp.mark : null);
  viewer.unfinished = viewer.grasp = null;
  if (!mark) return false;
  viewer.marks.splice(viewer.marks.indexOf(mark), 1);
  viewer.chosenMark = null;
  viewer.paintSoon();
  return true;
}

function deleteMark(viewer) {
  if (dropUnfinished(viewer)) return;
  const mark = viewer.chosenMark ?? viewer.marks.at(-1);
  viewer.marks = viewer.marks.filter((one) => one !== mark);
  viewer.chosenMark = null;
  viewer.paintSoon();
}
