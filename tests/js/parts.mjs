/* The board's parts joined as board.py joins them, with chosen names exported for tests. */
import { readFile } from "node:fs/promises";

const HERE = new URL("../../orchestra_nb/widgets/", import.meta.url);

/** @param {...string} names what the tests need of the joined module */
export async function load(...names) {
  const source = await readFile(new URL("board.py", HERE), "utf8");
  const found = /PARTS: Final = \(([^)]*)\)/.exec(source);
  if (!found) throw new Error("board.py no longer lists its parts");
  const parts = [...found[1].matchAll(/"([^"]+)"/g)].map((match) => match[1]);
  const texts = await Promise.all(
    parts.map((part) => readFile(new URL(`static/board/${part}`, HERE), "utf8")));
  const text = `${texts.join("\n")}\nexport { ${names.join(", ")} };`;
  return import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
}
