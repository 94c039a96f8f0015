/** The style of /docs, in the colours of the other pages; it stands in the page itself, which loads nothing. */
export const docsStyle = `
:root{color-scheme:light dark;--paper:#f4f1e8;--panel:#fffdf7;--ink:#14272b;--soft:#4d6165;--edge:#d9d2c0;--tint:#e9f3ef;--water:#0b6e78;--fresh:#ffe3a8;--warm:#d9631e;--serif:"Iowan Old Style","Palatino Linotype",Palatino,Georgia,serif}
@media (prefers-color-scheme:dark){:root{--paper:#0d1719;--panel:#142124;--ink:#e9f1ef;--soft:#a3b7b8;--edge:#2b3d41;--tint:#1a2f31;--water:#5cc9cc;--fresh:#4b3b12;--warm:#ffb057}}
*{box-sizing:border-box}
body{margin:0;padding:0 clamp(.75rem,2.5vw,2rem) 3rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
header,main{max-width:64rem;margin:0 auto}
header{display:flex;align-items:center;flex-wrap:wrap;gap:.75rem;padding:1rem 0}
header svg path{fill:none;stroke:var(--water);stroke-width:3.5;stroke-linecap:round}
header svg .soft{opacity:.45}
.name{flex:1;margin:0;font:700 1.5rem/1 var(--serif)}
.name a{color:inherit;text-decoration:none}
nav{display:flex;flex-wrap:wrap;gap:.9rem}
a{color:inherit;text-underline-offset:.2em}
h1,h2{font-family:var(--serif);line-height:1.25}
h1{margin:.5rem 0 0;font-size:1.9rem}
h2{margin:0;font-size:1.25rem}
main>p,section>p{margin:.25rem 0 .75rem;color:var(--soft)}
pre{overflow-x:auto;margin:0 0 1rem;padding:.9rem 1.1rem;border:1px solid var(--edge);border-radius:.8rem;background:var(--panel);font-size:.9rem}
.contents{margin:0 0 1.25rem}
section{margin:0 0 1.25rem;padding:1rem 1.1rem;border:1px solid var(--edge);border-radius:1rem;background:var(--panel)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{padding:.4rem .6rem .4rem 0;border-bottom:1px solid var(--edge);text-align:left;vertical-align:top}
th{color:var(--soft);font-size:.85rem;font-weight:600}
tr:last-child td{border-bottom:0}
code{overflow-wrap:anywhere}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
td code{font-size:.9em}
.method{display:inline-block;min-width:3.2rem;color:var(--water);font-size:.8rem;font-weight:700}
:target{padding:.1rem .3rem;border-radius:.3rem;background:var(--fresh)}
:focus-visible{outline:3px solid var(--warm);outline-offset:2px}
@media (min-width:40rem){td code{white-space:nowrap}}
`;
