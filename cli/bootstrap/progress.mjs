const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 120;

/**
 * Shows steps that may run at the same time: on a terminal one updating line each with the elapsed time, else a plain line
 * at the start and at the end of each. A step that finds its work done already (`false`) shows nothing.
 */
export function createProgress(
  stream = process.stderr,
  { tty = stream.isTTY === true, nowMs = () => performance.now() } = {},
) {
  const steps = [];
  let drawn = 0;
  let frame = 0;
  let timer;

  const erase = () => {
    if (drawn > 0) stream.write(`\x1b[${drawn}A\x1b[0J`);
    drawn = 0;
  };
  const draw = () => {
    erase();
    const lines = steps.filter((step) => step.state !== 'quiet').map((step) => lineOf(step, FRAMES[frame], nowMs()));
    for (const line of lines) stream.write(`${line.slice(0, (stream.columns ?? 120) - 1)}\n`);
    drawn = lines.length;
    frame = (frame + 1) % FRAMES.length;
  };
  const show = (step) => {
    if (tty) draw();
    else if (step.state !== 'quiet') stream.write(`${lineOf(step, '·', nowMs())}\n`);
  };

  return {
    /** Runs one step. `work` gets `note(text)` and gives false when there was nothing to do. Rejects as `work` does. */
    async step(title, work) {
      const step = { title, startMs: nowMs(), state: 'quiet', note: '' };
      steps.push(step);
      const begin = (text = '') => {
        step.note = text;
        step.state = 'running';
        show(step);
        if (tty) timer ??= setInterval(draw, FRAME_MS).unref();
      };
      const end = (state, text = step.note) => {
        Object.assign(step, { state, note: text, endMs: nowMs() });
        show(step);
      };
      try {
        const did = await work(begin);
        if (step.state === 'running') end('done');
        return did;
      } catch (error) {
        end('failed', String(error.message ?? error).split('\n')[0]);
        throw error;
      }
    },
    /** Ends the display, leaving its last picture. */
    close() {
      clearInterval(timer);
      timer = undefined;
      if (tty) draw();
      steps.length = 0;
      drawn = 0;
    },
  };
}

function lineOf(step, frame, nowMs) {
  const mark = { running: frame, done: '✓', failed: '✗' }[step.state];
  const seconds = (((step.endMs ?? nowMs) - step.startMs) / 1000).toFixed(1);
  const note = step.note ? ` (${step.note})` : '';
  return `  ${mark} ${step.title}${note}${step.state === 'running' && frame === '·' ? ' …' : ` ${seconds} s`}`;
}
