// sharp: `node peer_sharp.mjs WAY PHOTO RUNS OUT|- WxH ...` in the folder that holds it, as the other peers have it.
// Each size is a pipeline of its own from the same bytes, as its documentation does it.

import { createRequire } from 'node:module';
import fs from 'node:fs';

const sharp = createRequire(process.cwd() + '/')('sharp');
sharp.cache(false);
sharp.concurrency(1);

const [, photo, runs, out, ...sizes] = process.argv.slice(2);
const wanted = sizes.map((size) => size.split('x').map(Number));
const idle = memory('VmRSS:');
const data = fs.readFileSync(photo);
const made = await make();
const times = [];
for (let run = 0; run < Number(runs); run += 1) {
  times.push(await cpuMs());
}
const peak = memory('VmHWM:') - idle;
console.log(JSON.stringify({ cpu_ms: times, peak_kib: peak, bytes: made.map((jpeg) => jpeg.length) }));
if (out !== '-') {
  made.forEach((jpeg, index) => fs.writeFileSync(`${out}-${index}.jpg`, jpeg));
}

function make() {
  return Promise.all(wanted.map(([width, height]) => {
    const options = height ? { width, height, fit: 'cover' } : { width, withoutEnlargement: true };
    return sharp(data).autoOrient().resize(options).jpeg({ quality: 85 }).toBuffer();
  }));
}

// User and system time of all threads of this process.
async function cpuMs() {
  const before = process.cpuUsage();
  await make();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

// A figure of this process in KiB (proc(5)).
function memory(figure) {
  const line = fs.readFileSync('/proc/self/status', 'ascii').split('\n').find((text) => text.startsWith(figure));
  return Number(line.split(/\s+/)[1]);
}
