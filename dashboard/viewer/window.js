// Modality values to grey, as DICOM PS3.3 C.11.2.1.2.1 (VOI LUT Function LINEAR) defines it.

function grey(value, center, width) {
  if (width <= 1) return value > center - 0.5 ? 255 : 0;
  const g = ((value - (center - 0.5)) / (width - 1) + 0.5) * 255;
  return g <= 0 ? 0 : g >= 255 ? 255 : Math.round(g);
}

const packGrey = (g) => (0xff000000 | (g << 16) | (g << 8) | g) >>> 0;  // little-endian RGBA

// A table over every value the type can hold; a float image is computed pixel by pixel.
function greyTable(dtype, center, width, inverted) {
  const [low, size] = { uint8: [0, 256], uint16: [0, 65536], int16: [-32768, 65536] }[dtype];
  const table = new Uint32Array(size);
  for (let i = 0; i < size; i++) {
    const g = grey(i + low, center, width);
    table[i] = packGrey(inverted ? 255 - g : g);
  }
  return { table, low };
}

// Fill `out` (Uint32, one RGBA each) with frame `index` of a stack.
function paintFrame(stack, index, settings, out) {
  const { dtype, shape, values } = stack;
  const count = shape[1] * shape[2];
  if (shape.length === 4) {
    const from = index * count * 3;
    const flip = settings.inverted ? 255 : 0;
    for (let i = 0, p = from; i < count; i++, p += 3) {
      out[i] = (0xff000000 | ((values[p + 2] ^ flip) << 16) | ((values[p + 1] ^ flip) << 8)
        | (values[p] ^ flip)) >>> 0;
    }
    return;
  }
  const from = index * count;
  if (dtype === "float32") {
    for (let i = 0; i < count; i++) {
      const g = grey(values[from + i], settings.center, settings.width);
      out[i] = packGrey(settings.inverted ? 255 - g : g);
    }
    return;
  }
  const { table, low } = greyTable(dtype, settings.center, settings.width, settings.inverted);
  const frame = values.subarray(from, from + count);
  for (let i = 0; i < count; i++) out[i] = table[frame[i] - low];
}

// A window that shows what is there: from the 1st to the 99th percentile of a sample of the frame.
function autoWindow(stack, index) {
  const count = stack.shape[1] * stack.shape[2];
  const step = Math.max(1, Math.floor(count / 50000));
  const sample = [];
  for (let i = 0; i < count; i += step) sample.push(stack.values[index * count + i]);
  sample.sort((a, b) => a - b);
  const low = sample[Math.floor(sample.length * 0.01)];
  const high = sample[Math.min(sample.length - 1, Math.floor(sample.length * 0.99))];
  return { center: (low + high) / 2, width: Math.max(1, high - low) };
}

const ctPresets = () => [
  { name: "Lung", says: t("Lung"), center: -600, width: 1500 },
  { name: "Bone", says: t("Bone"), center: 400, width: 1800 },
  { name: "Soft tissue", says: t("Soft tissue"), center: 40, width: 400 },
  { name: "Mediastinum", says: t("Mediastinum"), center: 50, width: 350 },
];
