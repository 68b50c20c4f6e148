/** View -> one self-contained HTML file: the graph as data and the program that draws it; nothing is fetched. */
import type { Direction } from './layout';
import { DARK_PALETTE, PALETTE, SVG_STYLE, statusesOf, xml } from './svg';
import { type GraphView, STATUS_TEXT } from './view';

/** `script`: the bundled viewer. `open`: ids of the groups that are open initially. */
export function pageOf(view: GraphView, open: ReadonlySet<string>, script: string, direction: Direction = 'down'): string {
  // Inside a script element only `<` could end it.
  const data = JSON.stringify({ view, open: [...open], direction }).replace(/</g, '\\u003c');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${xml(view.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${xml(view.title)}</h1>
<input id="search" type="search" placeholder="Search name or operator  ( / )" aria-label="Search name or operator" autocomplete="off" spellcheck="false">
<span id="count" role="status"></span>
${comparison(view)}<nav>
<button id="fit" title="Show all of it (0)">Fit</button>
<button id="in" title="Closer (+)" aria-label="Closer">+</button>
<button id="out" title="Farther (-)" aria-label="Farther">−</button>
<button id="expand" title="Open every group">Expand all</button>
<button id="collapse" title="Close every group">Collapse all</button>
<button id="theme" title="Light or dark">Theme</button>
</nav>
</header>
<main>
<div id="stage"><svg id="drawing" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="The graph of the model"><g id="view"></g></svg></div>
<aside id="panel" aria-live="polite"></aside>
</main>
<noscript>This page draws the graph with JavaScript, which is off.</noscript>
<script type="application/json" id="graph">${data}</script>
<script>${script.replace(/<\/(script)/gi, '<\\/$1')}</script>
</body>
</html>
`;
}

/** For two models: a legend, and buttons to step through the changes. */
function comparison(view: GraphView): string {
  const statuses = statusesOf(view);
  if (statuses.length === 0) return '';
  const keys = statuses.map((status) => `<li><i class="${status}"></i>${xml(STATUS_TEXT[status])}</li>`).join('');
  return `<div id="changes"><button id="previous" title="The change before (p)" aria-label="Previous change">‹</button><button id="next" title="The next change (n)">Next change</button><span id="change" role="status"></span></div>
<ul id="legend" aria-label="Legend">${keys}</ul>
`;
}

const STYLE = `
:root{${PALETTE}color-scheme:light}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${DARK_PALETTE}color-scheme:dark}}
:root[data-theme=dark]{${DARK_PALETTE}color-scheme:dark}
*{box-sizing:border-box}
html,body{height:100%;margin:0}
body{display:flex;flex-direction:column;background:var(--paper);color:var(--ink);font:14px system-ui,"Segoe UI",Roboto,sans-serif}
header{display:flex;gap:10px;align-items:center;padding:8px 12px;border-bottom:1px solid var(--edge);flex-wrap:wrap}
h1{font-size:15px;margin:0;max-width:32vw;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
nav{display:flex;gap:6px;margin-left:auto;flex-wrap:wrap}
button,input{font:inherit;font-size:13px;color:inherit;background:var(--box);border:1px solid var(--edge);border-radius:6px;padding:5px 10px}
button{cursor:pointer}
button:hover{border-color:var(--line)}
button:focus-visible,input:focus-visible{outline:2px solid var(--moved);outline-offset:1px}
input{width:min(280px,40vw)}
#count{color:var(--faint);font-size:12px;min-width:64px}
#changes{display:flex;gap:6px;align-items:center}
#change{color:var(--faint);font-size:12px;white-space:nowrap}
#legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 12px;margin:0;padding:0;font-size:12px;color:var(--faint)}
#legend li{display:flex;align-items:center;gap:5px}
#legend i{width:18px;height:12px;border-radius:3px;background:var(--box);border:2.5px solid}
${['added', 'rewritten', 'moved', 'removed'].map((status) => `#legend i.${status}{border-color:var(--${status})}`).join('')}
#legend i.removed{border-style:dashed}
main{flex:1;display:flex;min-height:0}
#stage{flex:1;min-width:0;overflow:hidden;cursor:grab;touch-action:none}
#stage.drag{cursor:grabbing}
#drawing{width:100%;height:100%;display:block;user-select:none}
#panel{width:320px;border-left:1px solid var(--edge);overflow:auto;padding:12px;font-size:13px}
#panel h2{font-size:14px;margin:0 0 8px;overflow-wrap:anywhere}
#panel dl{margin:0;display:grid;grid-template-columns:auto 1fr;gap:4px 10px}
#panel dt{color:var(--faint)}
#panel dd{margin:0;overflow-wrap:anywhere;font:12px ui-monospace,Menlo,Consolas,monospace;padding-top:1px}
#about{padding-bottom:12px;margin-bottom:12px;border-bottom:1px solid var(--edge)}
#panel ul{list-style:none;margin:0;padding:0}
#panel li button{display:block;width:100%;text-align:left;border:0;background:none;padding:4px 6px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
#panel li button:hover,#panel li button.on{background:var(--box)}
#panel p{color:var(--faint);margin:10px 0 0}
@media (max-width:720px){main{flex-direction:column}#panel{width:auto;height:38%;border-left:0;border-top:1px solid var(--edge)}h1{max-width:100%}header{gap:6px;padding:6px 8px}button,input{padding:3px 7px;font-size:12px}#stage{min-height:40%}}
${SVG_STYLE}
[data-id]{cursor:pointer}
.hit>rect{stroke:var(--moved);stroke-width:2}
.on>rect{stroke:var(--ink);stroke-width:3}
.twin>rect{stroke:var(--ink);stroke-width:2;stroke-dasharray:2 2}
`;
