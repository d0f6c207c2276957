// Pictures and clips for the mock: a night yard with a figure that walks through it, drawn by
// ffmpeg. The figure's way is known (boxAt), so what the page draws over it can be checked.

import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const clipSeconds = 24;
const version = 4; // of the scene: files of another are not used again
const width = 960;
const height = 540;
const figure = { w: 46, h: 150 };

// boxAt is where the figure stands at a second of the clip, 0..1 of the picture.
export function boxAt(second) {
  const x = (70 + 32 * second) / width;
  const y = (250 + 18 * Math.sin(second / 2)) / height;
  return { x0: x, y0: y, x1: x + figure.w / width, y1: y + figure.h / height };
}

const scene = [
  `color=c=0x12171c:s=${width}x${height}:r=15:d=${clipSeconds}`,
  'drawbox=0:230:960:310:0x272f37:fill', 'drawbox=0:226:960:4:0x3a444d:fill',
  'drawbox=600:120:250:130:0x1c2329:fill', 'drawbox=640:150:50:100:0x2e3740:fill',
  'drawbox=60:180:180:90:0x333c45:fill', 'drawbox=90:160:120:30:0x262e35:fill',
  'noise=alls=5:allf=t[bg]',
].join(',');
const graph = `${scene};color=c=0xb9c1c8:s=${figure.w}x${figure.h}:r=15:d=${clipSeconds}[man];`
  + `[bg][man]overlay=x='70+32*t':y='250+18*sin(t/2)':eval=frame,format=yuv420p`;

const jobs = {
  'whole.mp4': ['-filter_complex', graph, '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '30', '-g', '15', '-movflags', '+faststart'],
  'first.mp4': ['-t', '12', '-i', 'whole.mp4', '-c', 'copy', '-movflags', '+faststart'],
  'second.mp4': ['-ss', '12', '-i', 'whole.mp4', '-c', 'copy', '-movflags', '+faststart'],
  'h265.mp4': ['-t', '4', '-i', 'whole.mp4', '-vf', 'scale=320:-2', '-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none', '-tag:v', 'hvc1', '-movflags', '+faststart'],
  'live.mp4': ['-i', 'whole.mp4', '-vf', 'scale=480:-2,fps=10', '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '30', '-g', '10', '-keyint_min', '10', '-sc_threshold', '0', '-bf', '0', '-movflags', 'frag_every_frame+empty_moov+default_base_moof'],
  'snapshot.jpg': ['-ss', '7', '-i', 'whole.mp4', '-frames:v', '1', '-q:v', '5'],
  'still-0.jpg': ['-ss', '1', '-i', 'whole.mp4', '-frames:v', '1', '-vf', 'scale=480:-2', '-q:v', '6'],
  'still-1.jpg': ['-ss', '12', '-i', 'whole.mp4', '-frames:v', '1', '-vf', 'scale=480:-2,hflip', '-q:v', '6'],
  'still-2.jpg': ['-ss', '20', '-i', 'whole.mp4', '-frames:v', '1', '-vf', 'scale=480:-2,eq=brightness=0.12', '-q:v', '6'],
};

// makeMedia gives the files by name, from the temp folder when an earlier start made them.
export async function makeMedia() {
  const dir = join(tmpdir(), `bongsu-mock-media-${version}`);
  await mkdir(dir, { recursive: true });
  const files = {};
  for (const [name, args] of Object.entries(jobs)) {
    const path = join(dir, name);
    if (!(await exists(path))) {
      const draft = join(dir, `${process.pid}-${name}`);
      await run('ffmpeg', ['-v', 'error', '-y', ...args, draft], { cwd: dir });
      await rename(draft, path);
    }
    files[name] = await readFile(path);
  }
  return files;
}

async function exists(path) {
  return stat(path).then(() => true, () => false);
}
