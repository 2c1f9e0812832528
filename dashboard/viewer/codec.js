// Read a message of dashboard/viewer/packing.py: JSON header, then aligned little-endian arrays.

const ARRAY_TYPES = {
  uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, float32: Float32Array,
};
const align8 = (n) => Math.ceil(n / 8) * 8;

function readHeader(message) {
  const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return { bytes, header, start: align8(4 + length) };
}

function unpack(message) {
  const { bytes, header, start } = readHeader(message);
  const arrays = {};
  for (const [name, place] of Object.entries(header.arrays)) {
    const Type = ARRAY_TYPES[place.dtype];
    const count = place.shape.reduce((a, b) => a * b, 1);
    const from = start + place.offset;
    const copy = bytes.slice(from, from + count * Type.BYTES_PER_ELEMENT);  // aligned, and ours
    arrays[name] = { dtype: place.dtype, shape: place.shape, values: new Type(copy.buffer) };
  }
  return { header, arrays };
}

// Pixels wait here, under their stack's id, for the viewer that draws them.
function pixelStore() {
  globalThis.__consiliumPixels ??= { stacks: new Map(), news: new EventTarget() };
  return globalThis.__consiliumPixels;
}

// Streamlit runs a component anew for each message, and ends a run that was overtaken only after
// the run that overtook it: what a run's end undoes, it may undo only if no later run has begun.
const runs = new WeakMap();

function lastRunOf(element) {
  const number = (runs.get(element) ?? 0) + 1;
  runs.set(element, number);
  return () => runs.get(element) === number;
}
