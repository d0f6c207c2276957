import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

// Dialog asks something before work goes on: it keeps the focus inside, and gives it back.
export function Dialog({ title, id, close, children }: { title: string; id: string; close(): void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    ref.current?.showModal();
    return () => (before instanceof HTMLElement ? before.focus() : undefined);
  }, []);
  return (
    <dialog ref={ref} class="sheet small" aria-labelledby={`${id}-title`} data-testid={id} onClose={close}>
      <h2 id={`${id}-title`}>{title}</h2>
      {children}
    </dialog>
  );
}
