// The component that draws nothing: it keeps one stack's pixels in the page while it is mounted.

const keptBy = new WeakMap();

export default function ({ data, parentElement }) {
  const store = pixelStore();
  if (data && keptBy.get(parentElement)?.data !== data) {
    const { header, arrays } = unpack(data);
    const before = keptBy.get(parentElement);
    if (before && before.stack !== header.stack) store.stacks.delete(before.stack);
    store.stacks.set(header.stack, arrays.pixels);
    keptBy.set(parentElement, { data, stack: header.stack });
    store.news.dispatchEvent(new Event(header.stack));
  }
  return () => {
    const kept = keptBy.get(parentElement);
    if (kept) store.stacks.delete(kept.stack);  // a patient's pixels do not outlive their page
    keptBy.delete(parentElement);
  };
}
