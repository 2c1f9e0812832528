// What is measured on the image: lengths, angles and regions, in stored rows and columns, so that
// they stay where they are when the view moves. Millimetres only where the file gives the spacing.

const POINTS = { length: 2, angle: 3, rectangle: 2, ellipse: 2 };

function between(a, b, spacing) {
  const [high, wide] = spacing ?? [1, 1];
  return [(b.column - a.column) * wide, (b.row - a.row) * high];
}

const lengthOf = ([a, b], spacing) => Math.hypot(...between(a, b, spacing));

// Degrees in [0, 180] between the two arms that meet in the second point.
function angleOf([a, vertex, b], spacing) {
  const [x0, y0] = between(vertex, a, spacing), [x1, y1] = between(vertex, b, spacing);
  return Math.abs(Math.atan2(x0 * y1 - y0 * x1, x0 * x1 + y0 * y1)) * 180 / Math.PI;
}

function boxOf([a, b]) {
  return { top: Math.min(a.row, b.row), bottom: Math.max(a.row, b.row),
    left: Math.min(a.column, b.column), right: Math.max(a.column, b.column) };
}

function areaOf(mark, spacing) {
  const { top, bottom, left, right } = boxOf(mark.points);
  const [high, wide] = spacing ?? [1, 1];
  return (bottom - top) * high * (right - left) * wide * (mark.kind === "ellipse" ? Math.PI / 4 : 1);
}

// Count, mean, standard deviation (divided by the count), least and most of the values whose
// pixel's centre lies inside the region; null where there is none, or the image is in colour.
function statisticsOf(mark, stack) {
  const [, rows, columns, samples] = stack.shape;
  if (samples) return null;
  const { top, bottom, left, right } = boxOf(mark.points);
  const middle = { row: (top + bottom) / 2, column: (left + right) / 2 };
  const inside = [];
  const first = Math.max(0, Math.ceil(top - 0.5)), last = Math.min(rows, Math.ceil(bottom - 0.5));
  for (let row = first; row < last; row++) {
    let reach = (right - left) / 2;
    if (mark.kind === "ellipse") {
      const off = (row + 0.5 - middle.row) / ((bottom - top) / 2);
      reach *= Math.sqrt(Math.max(0, 1 - off * off));
    }
    const from = Math.max(0, Math.ceil(middle.column - reach - 0.5));
    const to = Math.min(columns, Math.ceil(middle.column + reach - 0.5));
    const start = (mark.frame * rows + row) * columns;
    if (to > from) inside.push(stack.values.subarray(start + from, start + to));
  }
  let count = 0, sum = 0, min = Infinity, max = -Infinity;
  for (const run of inside) {
    for (const value of run) {
      count += 1;
      sum += value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  if (!count) return null;
  const mean = sum / count;
  let squares = 0;
  for (const run of inside) for (const value of run) squares += (value - mean) ** 2;
  return { count, mean, sd: Math.sqrt(squares / count), min, max };
}

// Everything that a mark says, worked out anew only when it was moved.
function valuesOf(mark, stack, spacing) {
  const key = JSON.stringify([mark.points, spacing]);
  if (mark.key === key && mark.stack === stack) return mark.values;
  const isWhole = mark.points.length === POINTS[mark.kind];
  const values = mark.kind === "length" ? { length: lengthOf(mark.points, spacing) }
    : mark.kind === "angle" ? { angle: isWhole ? angleOf(mark.points, spacing) : null }
      : { area: areaOf(mark, spacing), ...statisticsOf(mark, stack) };
  return Object.assign(mark, { key, stack, values }).values;
}

function linesOf(mark, stack, spacing, unit) {
  const values = valuesOf(mark, stack, spacing);
  const short = (x) => (Math.abs(x) >= 100 ? x.toFixed(0) : x.toFixed(1));
  const per = spacing ? "mm" : "px";
  if (mark.kind === "length") return [`${values.length.toFixed(1)} ${per}`];
  if (mark.kind === "angle") return values.angle === null ? [] : [`${values.angle.toFixed(1)}°`];
  const area = `${short(values.area)} ${per}²`;
  if (values.count === undefined) return [area];
  return [t("mean {mean}  SD {sd} {unit}",
    { mean: values.mean.toFixed(1), sd: values.sd.toFixed(1), unit }).trimEnd(),
  t("min {min}  max {max}", { min: short(values.min), max: short(values.max) }),
  t("{area}  {count} pixels", { area, count: values.count })];
}
