// What mouse, pen and fingers do on the canvas.

function listenToPointers(viewer) {
  const { canvas } = viewer;
  const fingers = new Map();
  let drag = null;
  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const pinchOf = () => {
    const [a, b] = [...fingers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) };
  };

  canvas.oncontextmenu = (event) => event.preventDefault();

  canvas.onpointerdown = (event) => {
    if (!viewer.pixels) return;
    viewer.whole.activate(viewer);
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    event.preventDefault();
    const at = placeOf(event);
    viewer.probe(at);
    if (event.pointerType === "touch") {
      fingers.set(event.pointerId, at);
      if (fingers.size === 2) {
        dropUnfinished(viewer);
        viewer.holdLens(false);
        drag = { does: "pinch", ...pinchOf() };
        return;
      }
    }
    const does = event.button === 2 ? "zoom"
      : event.button === 1 || event.shiftKey ? "pan" : viewer.view.tool;
    drag = { does, ...at };
    if (does === "magnify") viewer.holdLens(true);
    if (does in POINTS) markDown(viewer, at, does);
  };

  canvas.onpointermove = (event) => {
    if (!viewer.pixels) return;
    const at = placeOf(event);
    viewer.probe(at);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, at);
    if (!drag) {
      markHover(viewer, at);
      return;
    }
    if (drag.does === "pinch") {
      if (fingers.size < 2) return;
      const now = pinchOf();
      if (drag.apart > 0 && now.apart > 0) viewer.zoomBy(now.apart / drag.apart, drag.x, drag.y);
      viewer.dragBy("pan", now.x - drag.x, now.y - drag.y);
      Object.assign(drag, now);
      return;
    }
    if (drag.does in POINTS) markDrag(viewer, at);
    else viewer.dragBy(drag.does, at.x - drag.x, at.y - drag.y);
    Object.assign(drag, at);
  };

  canvas.onpointerup = canvas.onpointercancel = (event) => {
    fingers.delete(event.pointerId);
    if (drag && drag.does in POINTS) markUp(viewer);
    if (drag?.does === "magnify") viewer.holdLens(false);
    drag = null;
  };

  canvas.onpointerleave = () => { if (!drag) viewer.forgetPointer(); };

  canvas.addEventListener("wheel", (event) => {
    // Until the image has been clicked the wheel scrolls the page, as everywhere else on it.
    const isChosen = event.ctrlKey || canvas.getRootNode().activeElement === canvas;
    if (!viewer.pixels || !isChosen) return;
    event.preventDefault();
    if (viewer.pixels.shape[0] > 1 && !event.ctrlKey) {
      viewer.scroll(Math.sign(event.deltaY));
      return;
    }
    const { x, y } = placeOf(event);
    viewer.zoomBy(Math.exp(-event.deltaY / 400), x, y);
  }, { passive: false });
}
