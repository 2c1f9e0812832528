// Where the stored image lies on the stage. It may be turned by quarters and mirrored.

// [a, b, c, d]: a step of (x, y) on the upright image is seen as (a x + b y, c x + d y).
const UPRIGHT = [1, 0, 0, 1];
const TURN_RIGHT = [0, -1, 1, 0];
const TURN_LEFT = [0, 1, -1, 0];
const FLIP_ACROSS = [-1, 0, 0, 1];
const FLIP_DOWN = [1, 0, 0, -1];

// What is seen once `change` is done to an image that is seen as `turn`.
function turnedBy(turn, change) {
  const [a, b, c, d] = turn, [e, f, g, h] = change;
  return [e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d];
}

// A turn in words that tests and corner texts use: degrees to the right, after a mirroring or not.
function describeTurn([a, b, c, d]) {
  const isMirrored = a * d - b * c < 0;
  const degrees = (Math.round(Math.atan2(isMirrored ? -c : c, isMirrored ? -a : a) / (Math.PI / 2))
    * 90 + 360) % 360;
  return { degrees, isMirrored };
}

// Place an image of `rows` x `columns` on a stage of `width` x `height` CSS pixels. `scale` is CSS
// pixels per column. Pixels that are not square are drawn so. `matrix` is as setTransform takes it.
function placeImage({ rows, columns, spacing, view, width, height }) {
  const tall = spacing ? spacing[0] / spacing[1] : 1;
  const [a, b, c, d] = view.turn;
  const wide = Math.abs(a) * columns + Math.abs(b) * rows * tall;
  const high = Math.abs(c) * columns + Math.abs(d) * rows * tall;
  const scale = Math.min(width / wide, height / high) * view.zoom;
  const x = width / 2 + view.panX, y = height / 2 + view.panY;
  const [p, q, r, s] = [a * scale, c * scale, b * scale * tall, d * scale * tall];
  return { scale, tall, x, y, left: x - wide * scale / 2, right: x + wide * scale / 2,
    top: y - high * scale / 2, bottom: y + high * scale / 2,
    matrix: [p, q, r, s, x - (p * columns + r * rows) / 2, y - (q * columns + s * rows) / 2] };
}

function toStage({ matrix: [p, q, r, s, e, f] }, { row, column }) {
  return [p * column + r * row + e, q * column + s * row + f];
}

function toStored({ matrix: [p, q, r, s, e, f] }, x, y) {
  const det = p * s - q * r;
  return { column: (s * (x - e) - r * (y - f)) / det, row: (p * (y - f) - q * (x - e)) / det };
}

// Which edges of the upright image lie left, right, above and below as it is seen.
function edgesSeen([a, b, c, d]) {
  const edge = (x, y) => (x > 0 ? "right" : x < 0 ? "left" : y > 0 ? "bottom" : "top");
  return { left: edge(-a, -b), right: edge(a, b), top: edge(-c, -d), bottom: edge(c, d) };
}
