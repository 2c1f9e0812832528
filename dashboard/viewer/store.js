// The component that draws nothing: it keeps one stack's pixels in the page while it is mounted.

const keptBy = new WeakMap();

export default function ({ data, parentElement }) {
  const store = pixelStore();
  const isLast = lastRunOf(parentElement);
  if (data && keptBy.get(parentElement)?.data !== data) {
    const { stack } = readHeader(data).header;
    const before = keptBy.get(parentElement);
    keptBy.set(parentElement, { data, stack });
    if (before?.stack !== stack) {  // else a rerun sent the same pixels again
      if (before) store.stacks.delete(before.stack);
      store.stacks.set(stack, unpack(data).arrays.pixels);
      store.news.dispatchEvent(new Event(stack));
    }
  }
  return () => {
    if (!isLast()) return;
    const kept = keptBy.get(parentElement);
    if (kept) store.stacks.delete(kept.stack);  // a patient's pixels do not outlive their page
    keptBy.delete(parentElement);
  };
}
