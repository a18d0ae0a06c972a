/** Renders the page around its data: one HTML document that loads nothing from elsewhere. */
import { createHash } from 'node:crypto'
import { readClientScript } from './client-script.ts'
import { markup } from './markup.ts'
import { printStyle } from './print-style.ts'
import { style } from './style.ts'

export interface RenderedPage {
  /** Up to the data, which is JSON in a script element. */
  readonly before: string
  readonly after: string
  readonly policy: string
}

/** `live`: the page may connect to its own origin only. */
export async function renderPage(kind: 'file' | 'live'): Promise<RenderedPage> {
  const script = (await readClientScript()).replaceAll('</script', '<\\/script')
  const css = `${style}${printStyle}`
  const policy = contentSecurityPolicy({ script, css, kind })
  return {
    policy,
    before: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>Model audit</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%230b57a4'/%3E%3Cpath d='M4 8.5l3 3 5-6' fill='none' stroke='white' stroke-width='2'/%3E%3C/svg%3E">
<style>${css}</style>
</head>
<body>
${markup}
<script type="application/json" id="audit">`,
    after: `</script>
<script type="module">${script}</script>
</body>
</html>
`,
  }
}

/** Nothing is allowed but what is in the page, by its hash; texts cannot become markup even by a mistake of the script. */
function contentSecurityPolicy({
  script,
  css,
  kind,
}: {
  readonly script: string
  readonly css: string
  readonly kind: 'file' | 'live'
}): string {
  return [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(css)}`,
    'img-src data:',
    ...(kind === 'live' ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}
