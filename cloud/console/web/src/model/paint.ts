// Painted is one card's first appearance on screen, for measuring the way from the camera to
// the operator's eyes.
export interface Painted { alert: string; event: string; painted_us: number }

declare global {
  interface Window { __bongsu?: { painted: Painted[] } }
}

const kept = 500;
const seen = new Set<string>();

// painted is called when a card has been put into the document, before the frame that draws
// it. A task queued from within that frame runs after it is painted: that instant is recorded.
export function painted(alert: string, event: string): void {
  if (seen.has(alert)) return;
  seen.add(alert);
  const board = (window.__bongsu ??= { painted: [] }).painted;
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      channel.port1.close();
      board.push({ alert, event, painted_us: Math.round((performance.timeOrigin + performance.now()) * 1000) });
      if (board.length > kept) board.shift();
    };
    channel.port2.postMessage(0);
  });
}
