/** Style of the page on paper: black on white, no buttons, no row cut in two. */
export const printStyle = `
@media print{
@page{size:landscape;margin:12mm}
:root{color-scheme:light;--page:#fff;--surface:#fff;--sunken:#fff;--text:#000;--soft:#333;--line:#999;--edge:#666;--accent:#000;
--error:#7c0f0a;--error-back:#fff;--warning:#5c3700;--warning-back:#fff;--note:#203b57;--note-back:#fff;--none:#0f4526;--none-back:#fff}
html{font-size:8.5pt}
body{max-width:none;padding:0}
#filters,.bar nav,#clear,#pages,#skip,.quiet,.link,.arrow,.twist,.narrow-only{display:none!important}
.print-only:not(:empty){display:block;margin:.3rem 0}
#about{margin:.6rem 0 .9rem}
#tiles{display:flex;flex-wrap:wrap;gap:.3rem 1.4rem;margin-bottom:.9rem}
.tile{border:0;padding:0;flex-direction:row;gap:.4rem;align-items:baseline}
.tile .count{font-size:1rem}
.tile[aria-pressed=true]{box-shadow:none;text-decoration:underline}
thead{display:table-header-group}
.main>thead th{position:static}
tr,.judgements li,footer section{break-inside:avoid}
tr.details{break-inside:auto}
tr.is-open{break-after:avoid}
.open,a{color:#000}
tbody th .second{padding-inline-start:0}
mark{border:1px solid}
footer{margin-top:1rem}
}
`
