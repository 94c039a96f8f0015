/** Draws the water and the drops in it. Decoration: all that it shows stands in text beside it. */

export interface Water {
  /** Lets drops go down the river; our own are larger and warmer. */
  drops(count: number, own: boolean): void;
  /** Events a second: the more, the faster and the higher. */
  flow(perSecond: number): void;
}

interface Drop {
  readonly own: boolean;
  readonly lane: number;
  /** When it sets out, a reading of performance.now(). */
  readonly startMs: number;
}

const travelMs = 2_600;
const maxDrops = 400;
const bands = 4;

export function openWater(canvas: HTMLCanvasElement): Water {
  const context = canvas.getContext("2d");
  const isStill = matchMedia("(prefers-reduced-motion: reduce)");
  let drops: readonly Drop[] = [];
  let speed = 0.2;
  let wantedSpeed = 0.2;
  let phase = 0;
  let drawnMs = performance.now();

  const draw = (nowMs: number) => {
    if (context === null) return;
    const { width, height } = fit(canvas);
    speed += (wantedSpeed - speed) * 0.04;
    phase += ((nowMs - drawnMs) / 1_000) * (0.6 + speed * 2.4);
    drawnMs = nowMs;
    const ink = colours(canvas);
    context.clearRect(0, 0, width, height);
    for (let band = 0; band < bands; band += 1) {
      context.fillStyle = ink.water;
      context.globalAlpha = 0.14 + 0.09 * band;
      ribbon(context, { width, height, band, phase, speed });
    }
    drops = drops.filter(({ startMs }) => nowMs - startMs < travelMs);
    for (const drop of drops) {
      const share = (nowMs - drop.startMs) / travelMs;
      if (share < 0) continue;
      context.globalAlpha = Math.min(1, share * 8, (1 - share) * 8);
      context.fillStyle = drop.own ? ink.own : ink.others;
      const x = share * width;
      const y = surface(x, { width, height, band: drop.lane, phase, speed }) + 10;
      context.beginPath();
      context.arc(x, y, drop.own ? 7 : 3.5, 0, Math.PI * 2);
      context.fill();
    }
    context.globalAlpha = 1;
  };
  const loop = (nowMs: number) => {
    draw(nowMs);
    if (!isStill.matches) requestAnimationFrame(loop);
  };
  requestAnimationFrame(loop);
  isStill.addEventListener("change", () => requestAnimationFrame(loop));
  addEventListener("resize", () => {
    if (isStill.matches) draw(performance.now());
  });
  return {
    flow: (perSecond) => {
      wantedSpeed = Math.min(1, 0.2 + Math.log10(1 + perSecond) / 4);
    },
    drops: (count, own) => {
      if (isStill.matches) return;
      const nowMs = performance.now();
      const added = Array.from({ length: count }, (_, index) => ({
        own,
        lane: index % bands,
        startMs: nowMs + (index * 1_000) / count,
      }));
      drops = [...drops, ...added].slice(-maxDrops);
    },
  };
}

interface Wave {
  readonly width: number;
  readonly height: number;
  readonly band: number;
  readonly phase: number;
  readonly speed: number;
}

/** Height of a band's surface at x. */
function surface(x: number, { height, band, phase, speed }: Wave): number {
  const swell = height * (0.05 + 0.05 * speed);
  const wave =
    Math.sin(x / (90 + 26 * band) - phase * (1.3 - band * 0.18)) + 0.5 * Math.sin(x / 41 - phase + band);
  return height * (0.66 + 0.07 * band) + swell * wave;
}

function ribbon(context: CanvasRenderingContext2D, wave: Wave): void {
  const { width, height } = wave;
  context.beginPath();
  context.moveTo(0, height);
  for (let x = 0; x <= width + 8; x += 8) context.lineTo(x, surface(x, wave));
  context.lineTo(width, height);
  context.fill();
}

/** Makes the canvas as fine as the screen; returns its size in CSS pixels. */
function fit(canvas: HTMLCanvasElement): { readonly width: number; readonly height: number } {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = devicePixelRatio;
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  canvas.getContext("2d")?.setTransform(scale, 0, 0, scale, 0, 0);
  return { width, height };
}

function colours(canvas: HTMLCanvasElement): Readonly<Record<"water" | "own" | "others", string>> {
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return { water: colour("--water"), own: colour("--warm"), others: colour("--foam") };
}
