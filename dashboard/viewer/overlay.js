// The signed map over the image. Only display happens here: values are smoothed with their sum kept,
// interpolated, cut at the threshold and coloured. For: orange, solid line. Against: blue, dashed.

const FOR_RGB = [246, 166, 84];
const AGAINST_RGB = [109, 179, 248];
const FINEST = 512;  // pixels along the longer side of the coloured map

function gaussianKernel(sigma) {
  const reach = Math.ceil(3 * sigma);
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)));
  const sum = kernel.reduce((a, b) => a + b, 0);
  return kernel.map((k) => k / sum);
}

// Smooth along rows then columns; weights that would fall outside are given back, so sums stay.
function smooth(values, rows, columns, sigma) {
  if (!(sigma > 0)) return values;
  const kernel = gaussianKernel(sigma);
  const reach = (kernel.length - 1) / 2;
  const pass = (from, count, lines, stride, lineStride) => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < lines; line++) {
      for (let i = 0; i < count; i++) {
        const value = from[line * lineStride + i * stride];
        if (value === 0) continue;
        let inside = 0;
        for (let k = -reach; k <= reach; k++) {
          if (i + k >= 0 && i + k < count) inside += kernel[k + reach];
        }
        for (let k = -reach; k <= reach; k++) {
          const j = i + k;
          if (j >= 0 && j < count) {
            to[line * lineStride + j * stride] += (value * kernel[k + reach]) / inside;
          }
        }
      }
    }
    return to;
  };
  return pass(pass(values, columns, rows, 1, columns), rows, columns, columns, 1);
}

function strongest(values) {
  let most = 0;
  for (const v of values) if (Math.abs(v) > most) most = Math.abs(v);
  return most;
}

// Colour a smoothed (rows, columns) map into a canvas. `scale` is the value drawn at full strength;
// `inCells` draws each value as one square.
function colourMap(map, { rows, columns, scale, threshold, mode, inCells }) {
  const factor = Math.max(1, FINEST / Math.max(rows, columns));
  const height = Math.round(rows * factor);
  const width = Math.round(columns * factor);
  const strength = new Float32Array(width * height);
  const placeOn = (pixel, count) => Math.min(count - 1,
    inCells ? Math.floor((pixel + 0.5) / factor) : Math.max(0, (pixel + 0.5) / factor - 0.5));
  for (let y = 0; y < height; y++) {
    const r = placeOn(y, rows);
    const r0 = Math.floor(r), r1 = Math.min(rows - 1, r0 + 1), fr = r - r0;
    for (let x = 0; x < width; x++) {
      const c = placeOn(x, columns);
      const c0 = Math.floor(c), c1 = Math.min(columns - 1, c0 + 1), fc = c - c0;
      const value = (map[r0 * columns + c0] * (1 - fc) + map[r0 * columns + c1] * fc) * (1 - fr)
        + (map[r1 * columns + c0] * (1 - fc) + map[r1 * columns + c1] * fc) * fr;
      const s = scale > 0 ? value / scale : 0;
      const wanted = mode === "both" || (mode === "for") === (s > 0);
      strength[y * width + x] = wanted && Math.abs(s) >= threshold ? s : 0;
    }
  }
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const s = strength[i];
      if (s === 0) continue;
      const [red, green, blue] = s > 0 ? FOR_RGB : AGAINST_RGB;
      const isEdge = x === 0 || y === 0 || x === width - 1 || y === height - 1
        || strength[i - 1] * s <= 0 || strength[i + 1] * s <= 0
        || strength[i - width] * s <= 0 || strength[i + width] * s <= 0;
      const isDrawnEdge = isEdge && (s > 0 || (x + y) % 10 < 5);
      image.data.set([red, green, blue,
        isDrawnEdge ? 255 : Math.round(225 * Math.min(1, Math.abs(s)) ** 0.8)], 4 * i);
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
