/** Style of the page on a screen. Only fonts and colours that the reader's system has; sizes follow the reader's own. */
const light = `--page:#f7f8f8;--surface:#fff;--sunken:#f0f2f3;--text:#1c2226;--soft:#545e66;--line:#d9dee1;--edge:#7c868d;--accent:#0b57a4;--on-accent:#fff;
--error:#a8201a;--error-back:#fdeeec;--warning:#7d4b00;--warning-back:#fdf3e1;--note:#2f5277;--note-back:#ebf2f9;--none:#1b6a3e;--none-back:#e9f5ee`
const dark = `--page:#121618;--surface:#1a1f22;--sunken:#22282c;--text:#e4e8ea;--soft:#a6b0b7;--line:#30373c;--edge:#76828a;--accent:#8cbcf2;--on-accent:#0d1a28;
--error:#ffa79e;--error-back:#3b1d1b;--warning:#f2c06d;--warning-back:#372a12;--note:#a9c9ec;--note-back:#1b2a3b;--none:#8ad5a8;--none-back:#15301f`

export const style = `
:root{color-scheme:light dark;${light}}
@media (prefers-color-scheme:dark){:root{${dark}}}
*{box-sizing:border-box}
[hidden]{display:none!important}
html{font:100%/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;background:var(--page);color:var(--text);-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:100rem;padding:1.5rem clamp(1rem,3vw,3rem) 3rem;font-size:.9375rem}
h1,h2,h3,p,dl,dd,ul{margin:0;padding:0}
h1{font-size:1.625rem;line-height:1.25;letter-spacing:-.015em}
h2{font-size:1rem;margin:0 0 .6rem}
h3{font-size:.875rem;margin:1.25rem 0 .4rem}
code,bdi,dd,th,td{overflow-wrap:anywhere}
code{font:.8125rem/1.5 ui-monospace,"SF Mono",Menlo,Consolas,monospace}
a{color:var(--accent);text-underline-offset:.15em}
button,input,select{font:inherit;color:inherit}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:3px}
#results:focus{outline:none}
.unseen,.skip:not(:focus){position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip:focus{position:absolute;top:.5rem;left:.5rem;z-index:1;padding:.5rem 1rem;background:var(--surface)}
.print-only,.field.narrow-only{display:none}
.second,.lead,.meaning,.nothing{color:var(--soft)}
.nothing{font-style:italic}
.notice{padding:2.5rem 1rem;text-align:center;color:var(--soft);background:var(--surface);border:1px dashed var(--edge);border-radius:8px}

.title{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:center;justify-content:space-between}
#liveness{font-size:.875rem;padding:.2rem .75rem;border:1px solid var(--line);border-radius:6px;background:var(--surface);max-width:50rem}
#liveness[data-kind=fresh]{color:var(--none);background:var(--none-back);border-color:currentColor}
#liveness[data-kind=stale]{color:var(--error);background:var(--error-back);border-color:currentColor;font-weight:600}
dl{display:flex;flex-wrap:wrap;gap:.5rem 1.75rem}
dt{font-size:.8125rem;color:var(--soft)}
#about{margin:1rem 0 1.75rem}
#about dd{max-width:40rem}
#about code{color:var(--soft)}

#tiles{list-style:none;display:grid;grid-template-columns:repeat(auto-fill,minmax(7.1rem,1fr));gap:.6rem;margin-bottom:1.5rem}
.tile{width:100%;height:100%;padding:.55rem .8rem .6rem;text-align:start;background:var(--surface);border:1px solid var(--line);border-radius:8px;cursor:pointer;display:flex;flex-direction:column}
.tile:hover{border-color:var(--edge)}
.tile .count{font-size:1.5rem;line-height:1.3;font-weight:600;font-variant-numeric:tabular-nums}
.tile .word{font-size:.875rem}
.tile.error .word,.tile.error .count{color:var(--error)}
.tile.warning .word,.tile.warning .count{color:var(--warning)}
.tile.note .word,.tile.note .count{color:var(--note)}
.tile.none .word,.tile.none .count{color:var(--none)}
.tile.zero .word,.tile.zero .count{color:var(--soft);font-weight:400}
.tile[aria-pressed=true]{border-color:var(--accent);box-shadow:inset 0 0 0 2px var(--accent)}
.sign{display:inline-block;min-width:1em;text-align:center;font-size:.8em}

#filters{display:flex;flex-wrap:wrap;gap:.75rem;padding:.9rem 1rem 1rem;background:var(--surface);border:1px solid var(--line);border-radius:8px;margin-bottom:1.5rem}
.field{display:flex;flex-direction:column;gap:.2rem;flex:1 1 9rem;min-width:0}
.field.wide{flex:2 1 16rem}
label{font-size:.8125rem;color:var(--soft)}
input,select{width:100%;min-width:0;padding:.4rem .55rem;background:var(--page);border:1px solid var(--edge);border-radius:5px;min-height:2.25rem}
::placeholder{color:var(--soft);opacity:1}

.bar{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem 1.25rem;margin-bottom:.6rem}
.bar nav{display:flex;gap:.25rem}
.bar nav a{padding:.3rem .85rem;border-radius:6px;text-decoration:none;color:var(--text)}
.bar nav a:hover{background:var(--sunken)}
.bar nav a[aria-current]{background:var(--accent);color:var(--on-accent);font-weight:600}
#amounts{font-variant-numeric:tabular-nums;color:var(--soft)}
.quiet{padding:.1rem .5rem;background:none;border:1px solid var(--edge);border-radius:5px;color:var(--accent);cursor:pointer;font-size:.875rem}
.quiet:hover{background:var(--sunken)}

table{width:100%;border-collapse:collapse;background:var(--surface)}
table.main{border:1px solid var(--line);font-size:.875rem;table-layout:fixed}
th,td{padding:.55rem .75rem;text-align:start;vertical-align:top;border-top:1px solid var(--line);font-weight:400}
thead th{border-top:0;background:var(--sunken);white-space:nowrap}
.main>thead th{position:sticky;top:0;padding:0}
thead button{width:100%;padding:.5rem .75rem;background:none;border:0;text-align:start;font-weight:600;font-size:.8125rem;cursor:pointer;white-space:normal}
thead button:focus-visible{outline-offset:-3px}
.arrow{color:var(--soft);font-weight:400}
[aria-sort] .arrow{color:var(--accent);font-weight:700}
[data-view=pods]>thead th:nth-child(1){width:23%}
[data-view=pods]>thead th:nth-child(2){width:7.5rem}
[data-view=pods]>thead th:nth-child(3){width:24%}
[data-view=pods]>thead th:nth-child(5){width:11%}
[data-view=pods]>thead th:nth-child(6){width:9.5rem}
[data-view=models]>thead th:nth-child(1){width:32%}
[data-view=models]>thead th:nth-child(2){width:13%}
[data-view=models]>thead th:nth-child(3){width:6rem}
[data-view=models]>thead th:nth-child(4){width:17%}
[data-view=namespaces]>thead th:nth-child(1){width:20%}
[data-view=namespaces]>thead th:nth-child(3),[data-view=namespaces]>thead th:nth-child(4){width:7rem}
.second{font-size:.8125rem;line-height:1.45}
tbody th{font-weight:600}
tbody th .second{font-weight:400;padding-inline-start:1.15rem}
[data-view=models] tbody th .second{padding:0}
td .number,time{font-variant-numeric:tabular-nums}
tr.is-open{scroll-margin-top:4rem}
tr.is-open>*{background:var(--sunken)}
.open{display:flex;gap:.45rem;align-items:baseline;padding:0;background:none;border:0;text-align:start;font-weight:600;color:var(--accent);cursor:pointer}
.open:hover bdi{text-decoration:underline;text-underline-offset:.15em}
.twist{flex:none;width:.7rem}
.twist::before{content:"▸"}
[aria-expanded=true] .twist::before{content:"▾"}
.badges{display:flex;flex-wrap:wrap;gap:.25rem .35rem}
.badges+.second{margin-top:.25rem}
.badge{display:inline-block;padding:0 .5rem 0 .35rem;border:1px solid;border-radius:4px;font-size:.8125rem;line-height:1.45;white-space:nowrap}
.badge.error{color:var(--error);background:var(--error-back);font-weight:600}
.badge.warning{color:var(--warning);background:var(--warning-back)}
.badge.note{color:var(--note);background:var(--note-back)}
.badge.waived{color:var(--soft)}
.badge.none{color:var(--none);background:var(--none-back)}
.model+.model{margin-top:.3rem}

.details>td{padding:.25rem 1.9rem 1.25rem;background:var(--surface);border-top:0;box-shadow:inset 3px 0 0 var(--accent)}
.judgements{list-style:none;display:grid;gap:.75rem}
.reason .badge{margin-inline-end:.35rem}
.meaning,.waiver{font-size:.8125rem}
.details table{margin:.4rem 0 .5rem;font-size:.8125rem;border:1px solid var(--line)}
.details th,.details td{padding:.35rem .6rem;min-width:7rem}
.details thead th,.details tbody th{font-weight:600}
.details tbody th{width:26%}
caption{text-align:start;color:var(--soft);font-size:.8125rem;padding:.2rem 0}
.side{display:inline-block;width:1.5em;font-weight:700}
mark{border-radius:2px;padding:0 .1em;box-shadow:inset 0 -2px 0 currentColor}
mark.should,.side.should{color:var(--none)}
mark.is,.side.is{color:var(--error)}
mark.should{background:var(--none-back)}
mark.is{background:var(--error-back)}
.link{margin-top:1rem}

#pages{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;justify-content:center;margin-top:1rem}
#pages button{padding:.3rem .8rem;background:var(--surface);border:1px solid var(--edge);border-radius:5px;cursor:pointer}
#pages [aria-disabled=true]{color:var(--soft);border-color:var(--line);cursor:default}
#page-number{padding:0 .75rem;font-variant-numeric:tabular-nums}
footer{margin-top:2.5rem;padding-top:1.25rem;border-top:1px solid var(--line);font-size:.8125rem;color:var(--soft)}
footer dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(19rem,1fr));gap:.6rem 2rem;margin-bottom:1rem}
footer dt{font-weight:600;color:var(--text)}
footer h2{color:var(--text)}
footer dd::first-letter{text-transform:uppercase}

@media screen and (max-width:52rem){
body{padding:1rem .9rem 2rem}
#tiles{grid-template-columns:repeat(auto-fill,minmax(6.6rem,1fr));gap:.45rem}
.field.narrow-only{display:flex;flex:1 1 100%}
.field{flex-basis:8.5rem}
.field.wide{flex-basis:100%}
.tile{padding:.45rem .5rem}
.tile .word{white-space:nowrap;font-size:.8125rem}
.tile .sign{min-width:0}
table.cards,.cards>tbody,.cards>tbody>tr,.cards>tbody>tr>*{display:block;width:auto}
.cards>thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.cards>caption{display:block}
table.main{background:none;border:0}
.main>tbody>tr{background:var(--surface);border:1px solid var(--line);border-radius:8px;margin-bottom:.6rem;padding:.35rem 0}
.main>tbody>tr.is-open{margin-bottom:0;border-radius:8px 8px 0 0}
.main>tbody>tr.details{border-radius:0 0 8px 8px;border-top:0}
.cards>tbody>tr>*{border:0;padding:.25rem .8rem;background:none}
.cards>tbody>tr>[data-label]::before{content:attr(data-label);display:block;font-size:.75rem;font-weight:400;color:var(--soft)}
.main>tbody>tr>th[data-label]::before{content:none}
.main>tbody>tr:not(.details){display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr)}
.main>tbody>tr>*{grid-column:1/-1}
[data-view=pods]>tbody>tr>:nth-child(n+5),[data-view=models]>tbody>tr>:nth-child(2),[data-view=models]>tbody>tr>:nth-child(3),[data-view=namespaces]>tbody>tr>:nth-child(3),[data-view=namespaces]>tbody>tr>:nth-child(4){grid-column:auto}
.details>td{padding:.25rem .8rem 1rem}
.details tbody th{width:auto}
.details caption{padding:.35rem .8rem}
.details .cards>tbody>tr+tr{border-top:1px solid var(--line)}
}
@media (prefers-contrast:more){:root{--soft:var(--text);--line:var(--edge)}}
@media (forced-colors:active){.bar nav a[aria-current]{outline:2px solid}.tile[aria-pressed=true]{outline:3px solid Highlight}mark{border:1px solid}}
`
