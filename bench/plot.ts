/**
 * Draws the cost of an admission against the size of its review as SVG, from what `bench/admission.ts --json` wrote.
 *
 * node bench/plot.ts RESULTS.json [CASE] > plot.svg
 */
import { readFileSync } from 'node:fs'
import type { MeasuredAdmission } from './admission.ts'

interface Point {
  readonly x: number
  readonly y: number
}

const [file = '', chosen = 'injected'] = process.argv.slice(2)
const rows = (JSON.parse(readFileSync(file, 'utf8')) as readonly MeasuredAdmission[]).filter(
  (row) => row.case === chosen,
)
const frame = { left: 70, top: 30, width: 480, height: 300 }
/** Distinguishable in print and for the colour-blind: Okabe and Ito. */
const colours = ['#000000', '#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00']
const labelHeight = 14
const sizes = rows.map(({ bodyBytes }) => bodyBytes)
const costs = rows.flatMap(({ least, most }) => [least, most])
const [xs, ys] = [axis(sizes), axis(costs)]

process.stdout.write(`${svg()}\n`)

interface Axis {
  readonly least: number
  readonly most: number
  readonly ticks: readonly number[]
}

/** Logarithmic, with a tick at 1, 2 and 5 of every power of ten. */
function axis(values: readonly number[]): Axis {
  const [least, most] = [Math.min(...values) / 1.3, Math.max(...values) * 1.3]
  const powers = Array.from({ length: 9 }, (_, i) => 10 ** i)
  const ticks = powers.flatMap((power) => [power, 2 * power, 5 * power])
  return { least, most, ticks: ticks.filter((tick) => tick >= least && tick <= most) }
}

function share(value: number, { least, most }: Axis): number {
  return Math.log(value / least) / Math.log(most / least)
}

function place(bytes: number, microseconds: number): Point {
  return {
    x: frame.left + share(bytes, xs) * frame.width,
    y: frame.top + (1 - share(microseconds, ys)) * frame.height,
  }
}

function svg(): string {
  const servers = [...Map.groupBy(rows, ({ server }) => server)]
  const width = frame.left + frame.width + 150
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${frame.top + frame.height + 50}" font-family="sans-serif" font-size="12">`,
    `<title>CPU time of an admission (${chosen}) by the size of its review</title>`,
    `<rect x="0" y="0" width="${width}" height="${frame.top + frame.height + 50}" fill="#ffffff"/>`,
    ...xs.ticks.map((tick) => {
      const { x } = place(tick, ys.least)
      return `${line(x, frame.top, x, frame.top + frame.height)}${text({ x, y: frame.top + frame.height + 16 }, `${tick / 1000} KB`, 'middle')}`
    }),
    ...ys.ticks.map((tick) => {
      const { y } = place(xs.least, tick)
      return `${line(frame.left, y, frame.left + frame.width, y)}${text({ x: frame.left - 6, y: y + 4 }, `${tick} µs`, 'end')}`
    }),
    text({ x: frame.left + frame.width / 2, y: frame.top + frame.height + 38 }, 'size of the review', 'middle'),
    text(
      { x: frame.left, y: frame.top - 12 },
      'CPU time of an admission: median, and least to most of the slots',
      'start',
    ),
    ...servers.map(([, points], i) => curve(points, colourOf(i))),
    ...labels(servers),
    '</svg>',
  ].join('\n')
}

function colourOf(index: number): string {
  return colours[index % colours.length] ?? '#000000'
}

function curve(measured: readonly MeasuredAdmission[], colour: string): string {
  const points = measured.map((row) => place(row.bodyBytes, row.cpuMicroseconds))
  const bars = measured.map(({ bodyBytes, least, most }) => {
    const [low, high] = [place(bodyBytes, least), place(bodyBytes, most)]
    return `<line x1="${round(low.x)}" y1="${round(low.y)}" x2="${round(high.x)}" y2="${round(high.y)}" stroke="${colour}"/>`
  })
  const path = points.map(({ x, y }) => `${round(x)},${round(y)}`).join(' ')
  const dots = points.map(({ x, y }) => `<circle cx="${round(x)}" cy="${round(y)}" r="3" fill="${colour}"/>`)
  return `<g><polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>${bars.join('')}${dots.join('')}</g>`
}

/** At the end of each curve, from the lowest upwards, and never closer than a line of text. */
function labels(servers: readonly (readonly [string, readonly MeasuredAdmission[]])[]): readonly string[] {
  const ends = servers.map(([name, measured], i) => {
    const last = measured.at(-1)
    const { x, y } = last === undefined ? { x: 0, y: 0 } : place(last.bodyBytes, last.cpuMicroseconds)
    return { name, x, y, colour: colourOf(i) }
  })
  let above = Number.POSITIVE_INFINITY
  return ends
    .sort((a, b) => b.y - a.y)
    .map(({ name, x, y, colour }) => {
      above = Math.min(y, above - labelHeight)
      return text({ x: x + 8, y: above + 4 }, name, 'start', colour)
    })
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="#dddddd"/>`
}

function text({ x, y }: Point, content: string, anchor: string, colour = '#333333'): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="${colour}">${safe}</text>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
