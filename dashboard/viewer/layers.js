// The maps of one finding, one for each frame that has one, with one scale for all of them.

// Of the map's longer side. Cells are the map as it was computed, fine ones interpolated.
const SIGMA = { cells: 0, fine: 0, smooth: 1 / 64, broad: 1 / 28 };

class Layers {
  // `frames` says on which frame each map of the (rows, columns) or (S, rows, columns) array lies.
  constructor(array, { frames, box, target }) {
    [this.rows, this.columns] = array.shape.slice(-2);
    const cells = this.rows * this.columns;
    this.at = new Map(frames.map((frame, n) => [frame, n]));
    this.raw = frames.map((_, n) => array.values.subarray(n * cells, (n + 1) * cells));
    this.box = box;
    this.target = target;
    this.kept = new Map();  // what was worked out for the settings now in use
  }

  smoothed(detail) {
    if (this.detail !== detail) {
      this.detail = detail;
      this.kept.clear();
      this.maps = this.raw.map((map) =>
        smooth(map, this.rows, this.columns, SIGMA[detail] * Math.max(this.rows, this.columns)));
      this.most = Math.max(...this.maps.map(strongest));
      this.mass = this.maps.reduce((sum, map) => map.reduce((s, v) => s + Math.abs(v), sum), 0);
    }
    return this.maps;
  }

  // The map of one frame in colours, drawn anew only when a setting or the frame changed.
  coloured(frame, { detail, threshold, mode }, scale) {
    const map = this.smoothed(detail)[this.at.get(frame)];
    const key = ["colour", frame, threshold, mode, scale].join();
    if (!this.kept.has(key)) {
      if (this.kept.size > 32) this.kept.clear();
      this.kept.set(key, colourMap(map,
        { rows: this.rows, columns: this.columns, scale, threshold, mode, inCells: detail === "cells" }));
    }
    return this.kept.get(key);
  }

  // Connected cells of one direction above the threshold: a number for each cell, 0 for none, and
  // the sum of each region in log-odds. Their share is of the absolute values of all maps together.
  regions(frame, { detail, threshold, mode }, scale) {
    const map = this.smoothed(detail)[this.at.get(frame)];
    const key = ["regions", frame, threshold, mode, scale].join();
    if (this.kept.has(key)) return this.kept.get(key);
    const { rows, columns } = this;
    const isDrawn = (v) => v !== 0 && Math.abs(v) >= threshold * scale
      && (mode === "both" || (mode === "for") === (v > 0));
    const labels = new Int32Array(map.length), sums = [0];
    for (let start = 0; start < map.length; start++) {
      if (labels[start] || !isDrawn(map[start])) continue;
      const label = sums.length;
      const waiting = [start];
      labels[start] = label;
      sums.push(0);
      while (waiting.length) {
        const cell = waiting.pop();
        sums[label] += map[cell];
        const row = Math.floor(cell / columns), column = cell % columns;
        for (const [r, c] of [[row - 1, column], [row + 1, column], [row, column - 1],
          [row, column + 1]]) {
          const next = r * columns + c;
          if (r >= 0 && c >= 0 && r < rows && c < columns && !labels[next]
            && isDrawn(map[next]) && map[next] * map[start] > 0) {
            labels[next] = label;
            waiting.push(next);
          }
        }
      }
    }
    const found = { labels, sums, shares: sums.map((s) => (this.mass ? Math.abs(s) / this.mass : 0)) };
    this.kept.set(key, found);
    return found;
  }

  // The region at a place of the stored image, or null.
  regionAt({ row, column }, frame, settings, scale) {
    const [top, left, high, wide] = this.box;
    const r = Math.floor((row - top) / high * this.rows);
    const c = Math.floor((column - left) / wide * this.columns);
    if (r < 0 || c < 0 || r >= this.rows || c >= this.columns) return null;
    const { labels, sums, shares } = this.regions(frame, settings, scale);
    const label = labels[r * this.columns + c];
    return label ? { label, signed: sums[label], share: shares[label] } : null;
  }

  // Draw the outline of one region in stored coordinates.
  traceRegion(context, label, frame, settings, scale) {
    const { labels } = this.regions(frame, settings, scale);
    const { rows, columns } = this;
    const [top, left, high, wide] = this.box;
    const at = (r, c) => r >= 0 && c >= 0 && r < rows && c < columns && labels[r * columns + c] === label;
    const x = (c) => left + c * wide / columns, y = (r) => top + r * high / rows;
    const line = (r0, c0, r1, c1) => {
      context.moveTo(x(c0), y(r0));
      context.lineTo(x(c1), y(r1));
    };
    context.beginPath();
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        if (!at(r, c)) continue;
        if (!at(r - 1, c)) line(r, c, r, c + 1);
        if (!at(r + 1, c)) line(r + 1, c, r + 1, c + 1);
        if (!at(r, c - 1)) line(r, c, r + 1, c);
        if (!at(r, c + 1)) line(r, c + 1, r + 1, c + 1);
      }
    }
    context.stroke();
  }
}
