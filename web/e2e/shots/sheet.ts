/** The contact sheet: one page that shows all pictures, a row for each view. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Shot {
  view: string;
  path: string;
  variant: string;
  file: string;
}

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

export function sheet(dir: string, shots: Shot[]): string {
  const row = (view: string) => {
    const ours = shots.filter((shot) => shot.view === view);
    const pictures = ours.map(({ file, variant }) => {
      const [name, words] = [escaped(file), escaped(variant)];
      return `<a href="${name}"><img loading="lazy" src="${name}" alt="${words}"><small>${words}</small></a>`;
    });
    const address = escaped(ours[0]?.path ?? "");
    return `<h2>${escaped(view)} <code>${address}</code></h2><p>${pictures.join("")}</p>`;
  };
  const rows = [...new Set(shots.map((shot) => shot.view))].map(row);
  const style =
    "body{font:14px system-ui;margin:24px;background:#888}p{display:flex;gap:16px;align-items:flex-start}" +
    "a{color:#000}img{display:block;height:420px;border:1px solid #444}h2{font-size:16px}code{font-weight:400}";
  const file = join(dir, "index.html");
  writeFileSync(
    file,
    `<!doctype html><meta charset="utf-8"><title>Studio</title><style>${style}</style>${rows.join("\n")}\n`,
  );
  return file;
}
