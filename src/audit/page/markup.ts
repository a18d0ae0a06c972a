/** The markup that does not depend on the pods. The browser code finds elements by id. */
export const markup = `<a class="skip" href="#results" id="skip">Skip to the results</a>
<header>
<div class="title"><h1>Model audit</h1><p id="liveness" role="status" aria-live="polite" hidden></p></div>
<p class="lead">Which models run where, and whether each pod is as it should be.</p>
<dl id="about"></dl>
</header>
<main>
<noscript><p class="notice">This page shows its data with JavaScript, which is switched off. The command <code>model-injector audit</code> prints the same as text.</p></noscript>
<section aria-labelledby="summary-title">
<h2 id="summary-title">Pods by judgement</h2>
<ul id="tiles"></ul>
</section>
<form id="filters" role="search" aria-label="Pods" autocomplete="off">
<div class="field wide"><label for="search">Search</label><input id="search" type="search" placeholder="names, sources, images, reasons" spellcheck="false" maxlength="200"></div>
<div class="field"><label for="namespace">Namespace</label><select id="namespace"></select></div>
<div class="field"><label for="family">Model</label><select id="family"></select></div>
<div class="field"><label for="version">Version</label><select id="version"></select></div>
<div class="field"><label for="owner">Owner contains</label><input id="owner" type="search" list="owners" placeholder="my-app" spellcheck="false" maxlength="200"><datalist id="owners"></datalist></div>
</form>
<section id="results" aria-labelledby="results-title" tabindex="-1">
<h2 id="results-title" class="unseen">Results</h2>
<div class="bar">
<nav aria-label="Views"><a id="view-pods">Pods</a><a id="view-models">Models</a><a id="view-namespaces">Namespaces</a></nav>
<p id="amounts" role="status"></p>
<button type="button" id="clear" class="quiet" hidden>Clear filters</button>
<div class="field narrow-only"><label for="sort">Sort by</label><select id="sort"></select></div>
</div>
<p id="filtered-by" class="print-only"></p>
<table id="table" class="cards main" role="table">
<caption id="caption" class="unseen"></caption>
<thead id="head" role="rowgroup"></thead>
<tbody id="rows" role="rowgroup"></tbody>
</table>
<div id="empty" class="notice" hidden><p id="empty-text"></p></div>
<p id="unprinted" class="print-only"></p>
<nav id="pages" aria-label="Pages" hidden>
<button type="button" id="first-page">First</button><button type="button" id="previous-page">Previous</button>
<span id="page-number"></span>
<button type="button" id="next-page">Next</button><button type="button" id="last-page">Last</button>
</nav>
</section>
</main>
<footer>
<section aria-labelledby="meanings-title"><h2 id="meanings-title">Meaning of the judgements</h2><dl id="meanings"></dl></section>
<p>Judgements are evidence, not proof: a user who may change pods may also change their labels and annotations. <span id="made-by"></span></p>
</footer>
`
