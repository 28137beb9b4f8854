// node ws_client.mjs URL FOLDER: npm's `ws` of FOLDER/node_modules. Measures as rate_meter.h does.
import { createRequire } from 'node:module';

const [url, folder] = process.argv.slice(2);
const WebSocket = createRequire(folder + '/')('ws');
const warmUp = 300;
const measure = 1000;

let messages = 0;
let before = 0;
let started;
let begin;

const socket = new WebSocket(url, { perMessageDeflate: false });
socket.on('message', () => {
  if (++messages % 64 !== 1) return;
  const now = performance.now();
  started ??= now;
  if (now - started < warmUp || begin === undefined) {
    begin = now;
    before = messages;
  } else if (now - begin >= measure) {
    console.log(Math.round((messages - before) * 1000 / (now - begin)));
    process.exit(0);
  }
});
socket.on('error', () => process.exit(1));
socket.on('close', () => process.exit(1));
