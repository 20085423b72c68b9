/* Elements and text. Foreign text only ever becomes a text node. */

/**
 * An element: h("button.btn.main", { type: "button" }, "Stop").
 * @param {string} spec tag and classes
 * @param {Record<string, any>} [props] properties where the element has them, attributes otherwise
 * @param {...any} kids elements and text; null and false are left out
 * @returns {any}
 */
function h(spec, props = {}, ...kids) {
  const [tag, ...classes] = spec.split(".");
  /** @type {any} */
  const el = document.createElement(tag);
  if (classes.length) el.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (key in el) el[key] = value;
    else el.setAttribute(key, value);
  }
  el.append(...kids.flat(2).filter((kid) => kid != null && kid !== false));
  return el;
}

/**
 * Write a text only when it changes: the page is not touched for nothing.
 * @param {HTMLElement} el
 * @param {string} text
 */
function write(el, text) {
  const node = el.firstChild;
  if (node instanceof Text && node === el.lastChild) {
    if (node.data !== text) node.data = text;
  } else if (node || text) {
    el.textContent = text;
  }
}

/**
 * Write a text that the layout may cut: the whole of it is in the title.
 * @param {HTMLElement} el
 * @param {string} text
 */
function tell(el, text) {
  write(el, text);
  if (el.title !== text) el.title = text;
}

/**
 * @param {Element} el
 * @param {string} name
 * @param {string | null} value null takes the attribute away
 */
function attr(el, name, value) {
  if (value === null) {
    if (el.hasAttribute(name)) el.removeAttribute(name);
  } else if (el.getAttribute(name) !== value) {
    el.setAttribute(name, value);
  }
}

/**
 * @param {HTMLElement} el
 * @param {string} name
 */
function dress(el, name) {
  if (el.className !== name) el.className = name;
}

/**
 * @param {string} text
 * @param {string} [kind] more classes
 * @param {Record<string, any>} [props]
 * @returns {HTMLButtonElement}
 */
function button(text, kind = "", props = {}) {
  return h(`button.btn${kind && `.${kind}`}`, { type: "button", ...props }, text);
}

/** An id that also works where a page is not a secure context. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

const SVG = "http://www.w3.org/2000/svg";
