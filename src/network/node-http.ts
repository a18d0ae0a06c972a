/**
 * The parts of node:http in use. An import of node:http reads every one of its exports, and reading the one called
 * WebSocket loads all of undici: 65 ms and up to 14 MB (Node 24.21), which neither a loader nor a webhook needs.
 */
export const { createServer, get, STATUS_CODES } = process.getBuiltinModule('node:http')
