/* What anywidget calls. */

/** @param {{ model: any, el: HTMLElement }} view */
function render({ model, el }) {
  const view = new BoardView(model, el);
  return () => view.end();
}

export default { render };
